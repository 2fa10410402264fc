-- Minor 1: what other IPAM plugins, configurations without addresses and networks that share a bridge need.

-- ADD's answer: its `dns` object as JSON; NULL is none.
ALTER TABLE attachments ADD COLUMN dns TEXT;
-- The IPAM plugin that gave the addresses (ipam.type). NULL: they are ours, or there are none.
ALTER TABLE attachments ADD COLUMN ipam_type TEXT;
-- The configuration with which ADD called it, whole, and where ADD looked for it (CNI_PATH): whoever ends the attachment
-- has that plugin take its addresses back.
ALTER TABLE attachments ADD COLUMN ipam TEXT;
ALTER TABLE attachments ADD COLUMN ipam_path TEXT;
-- 0: the pod's interface stays down and is not compared in that (disableContainerInterface).
ALTER TABLE attachments ADD COLUMN link_up INTEGER NOT NULL DEFAULT 1;

-- Foreign addresses on the bridge that overlap a gateway's subnet are taken away instead of refused (forceAddress).
ALTER TABLE networks ADD COLUMN force_address INTEGER NOT NULL DEFAULT 0;

-- Gateways on bridges that no range asks for, while pods still route by them: the range is no longer configured, or
-- another IPAM plugin named them. Not handed out; taken out with the last such lease.
CREATE TABLE gateways (
    bridge  TEXT NOT NULL,
    gateway TEXT NOT NULL,
    PRIMARY KEY (bridge, gateway)
) STRICT, WITHOUT ROWID;
