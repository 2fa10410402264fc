import Store

/// Testing has an `Attachment` too, so files that import both say this.
typealias StoredAttachment = Attachment
