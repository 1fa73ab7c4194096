"""Video witness: the queue, the calls, and what an agent decides (R-160 to R-175; docs/video.md).

queue.Queue           places, offers, calls: the customer's side, the agent's side, what happens by itself
agents.Agents         who is at work, and which lines they serve
places, estimate      where somebody stands, and for how long; staffing, monitor: for supervisors
workplace.Workplace   what an agent's desk shows
witnessing.Witnessing ticks, pictures, the result: completes the customer's page and ends the ticket in one
                      transaction
police_checks         公安核验: asked when a call begins, answered by a job
calls.Calls, nodes    which media node carries a call, and speaking to it; sfu: what a node is asked

Tables owned here: video_ticket, video_agent, video_call, video_snapshot, media_node, police_check;
video_segment is written by ``handlers.media`` and sealed late by ``handlers.recordings``.
"""
