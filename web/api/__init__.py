"""The REST API under ``/api/v1``, for staff's own programs and for other systems of the company.

POST /api/v1/cases                  start a case for a customer (Idempotency-Key)
GET  /api/v1/cases/{id}             where a case has got to
GET  /api/v1/cases/{id}/journal     what happened to it; the reading is written down, too
GET  /api/v1/tasks                  the inbox, with filters, page by page
GET  /api/v1/tasks/{id}             one task: its JSON Schema, the answers to begin with, old and new values
POST /api/v1/tasks/{id}/claim       take it
POST /api/v1/tasks/{id}/release     put it back
POST /api/v1/tasks/{id}/complete    answer it
GET  /api/v1/openapi.json           all of this as OpenAPI 3.1

A bearer token opens it and nothing else does; ``access`` says which role may do what, and the engine
which cases and tasks are whose. An application of its own, mounted beside the pages: no session, no
cookie, no form token, and every refusal is a problem detail (RFC 9457).

app        makes and mounts it            tokens     who may knock
access     who asks, may they, how often  problems   every refusal
cases      routes of cases                tasks      routes of tasks
models     what goes in and out           schemas    forms as JSON Schema; answers that do not fit one
starts     a customer sent from elsewhere once       the same request twice
kinds      the words of every refusal     openapi    what the document says beyond the routes
"""
