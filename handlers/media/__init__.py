"""Media: what carries a call and records it, in a process of its own. The only room that knows aiortc.

    segments   sealed, append-only files: encrypted records, chained by hashes (pure)
    webm       WebM that is written as it comes and plays up to wherever it was cut (pure)
    packets    what stands in RTP packets and VP8 payloads (pure)
    receiving  one incoming stream: what is missing, what is whole, how it is doing (pure)
    sending    one outgoing stream: the same packets under numbers of its own (pure)
    rates      how much a side is asked to send (pure)
    hooks      every private name of aiortc and aioice that is touched
    offers     which offers are answered at all
    leg        one side's connection
    recording  files of one call: a segment for each connection, and the log of events
    call       the two sides of a call
    ledger     what the node writes into the database: its heartbeat, heads of segments, who was seen
    node       the node: its calls, over HTTP
    tickets    who may command a node
    client     the same as the web process sees it: ``handlers.video.sfu.Sfu``

Other rooms use ``client``, ``segments`` and ``webm``; none of these imports aiortc.
"""
