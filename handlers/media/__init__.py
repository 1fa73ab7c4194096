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
    stills     a picture out of a key frame
    call       the two sides of a call
    ledger     what the node writes into the database: calls, heads of segments, who was seen
    node       the calls of one process, from opening to sealing
    commands   its commands over HTTP
    tickets    who may command a node; ``plans`` what travels sealed
    client     the same as the web process sees it: ``handlers.video.sfu.Sfu``
    relays     TURN servers and their passwords
    janus      the same node with Janus carrying the packets

Other rooms use ``client``, ``segments``, ``webm`` and ``relays``; none of these imports aiortc.
"""
