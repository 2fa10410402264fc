/// The SQL that makes a database, as the files beside this one say it. The files are the source; this embeds them.
package enum Schema {
    /// PRAGMA application_id: "Plmb" in ASCII.
    package static let applicationID: Int64 = 0x506c_6d62

    /// PRAGMA user_version is major × 1000 + minor. A binary works with every minor of its major: minors only add.
    package static let version: Int64 = 1007

    package static func major(_ version: Int64) -> Int64 { version / 1000 }

    /// Makes an empty database into one of version 1000. ``addition(to:)`` makes the rest.
    package static var creation: String { String(decoding: PackageResources.version_1_sql, as: UTF8.self) }
    package static let created: Int64 = 1000

    /// What the minor after `version` adds; `nil` if there is none.
    package static func addition(to version: Int64) -> String? {
        switch version {
        case 1000: String(decoding: PackageResources.version_1_001_sql, as: UTF8.self)
        case 1001: String(decoding: PackageResources.version_1_002_sql, as: UTF8.self)
        case 1002: String(decoding: PackageResources.version_1_003_sql, as: UTF8.self)
        case 1003: String(decoding: PackageResources.version_1_004_sql, as: UTF8.self)
        case 1004: String(decoding: PackageResources.version_1_005_sql, as: UTF8.self)
        case 1005: String(decoding: PackageResources.version_1_006_sql, as: UTF8.self)
        case 1006: String(decoding: PackageResources.version_1_007_sql, as: UTF8.self)
        default: nil
        }
    }
}
