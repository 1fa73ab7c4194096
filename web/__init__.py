"""What people see: pages for customers and staff, drawn on the server."""
