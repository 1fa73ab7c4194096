"""Video witness: the queue, the calls, and what came of them. (Written out as the room is built.)"""
