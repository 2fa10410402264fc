-- Minor 6: the options of a bridge and of its ports. Each is 0 or 1 where it is no text; checks are left out because every
-- process that opens the database compiles them.

-- The bridge takes every frame, whoever it is for (IFF_PROMISC). Only ever switched on.
ALTER TABLE networks ADD COLUMN promisc INTEGER NOT NULL DEFAULT 0;
-- Frames between ports of a bridge pass the host's iptables (bridge-nf-call-iptables). Only ever switched on.
ALTER TABLE networks ADD COLUMN bridge_netfilter INTEGER NOT NULL DEFAULT 0;
-- What the next attachments get; these columns of theirs say what it means.
ALTER TABLE networks ADD COLUMN isolated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE networks ADD COLUMN dad INTEGER NOT NULL DEFAULT 0;
ALTER TABLE networks ADD COLUMN vlans TEXT;

-- The port exchanges frames with such as are not isolated only: the bridge itself, and pods of other networks.
ALTER TABLE attachments ADD COLUMN isolated INTEGER NOT NULL DEFAULT 0;
-- IPv6 addresses are used once duplicate address detection let them pass (enabledad).
ALTER TABLE attachments ADD COLUMN dad INTEGER NOT NULL DEFAULT 0;
-- VLANs of the port: `untagged 100`, or `tagged 10 100-199`, whose frames the pod sends and gets with their tags. `only` at
-- the end: it is not in the bridge's default VLAN too (preserveDefaultVlan). NULL: none is asked for.
ALTER TABLE attachments ADD COLUMN vlans TEXT;
