-- Minor 2: leases taken over from host-local.

-- Leases of the host-local plugin that served a network before Plumb did: its pods still live with them, so they are not
-- handed out. Read from host-local's files by the ADD that makes the network's row; taken out by the pod's DEL, by GC, by
-- the first ADD after a boot, and by apply once their file is gone.
CREATE TABLE held (
    network_id   INTEGER NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
    bridge       TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    -- Empty where the file could not be understood.
    container_id TEXT    NOT NULL,
    -- Empty in files of host-local before 0.8: any interface of the container.
    ifname       TEXT    NOT NULL,
    -- host-local's file. Gone, the lease is.
    path         TEXT    NOT NULL,
    -- /proc/sys/kernel/random/boot_id when it was read: another boot ended its pod.
    boot_id      TEXT    NOT NULL,
    created_ms   INTEGER NOT NULL,
    PRIMARY KEY (bridge, address, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_by_container ON held (container_id);
