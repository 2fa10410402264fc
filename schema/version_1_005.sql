-- Minor 5: how many attachments live, without counting them.

-- Attachments whose rows were deleted. Their ids are given once, so that the last id less this many live: a bridge takes
-- 1023 ports, and an ADD counts them only where that could be. Written by DEL; apply sets right what a shell deleted.
ALTER TABLE store ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;
UPDATE store SET ended =
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'attachments'), 0) - (SELECT count(*) FROM attachments);
