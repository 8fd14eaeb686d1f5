"""How the frames of a replay can be played."""

IN_PROCESS, LOCKSTEP, REALTIME = 'in-process', 'lockstep', 'realtime'
