import Addressing
import Testing

@Suite struct DigitsTests {
    /// The standard library, which this takes the place of, is the judge.
    @Test(arguments: [10, 16, 36] as [UInt]) func digitsAreTheLibrarys(radix: UInt) {
        var generator = SplitMix64(seed: 36)
        let edges: [Int64] = [0, 1, 9, 10, 35, 36, 1295, 1296, -1, -36, .max, .min]
        for number in edges + (0..<1000).map({ Int64.random(in: .min ... .max, using: &generator) >> Int64($0 % 64) }) {
            #expect(digits(number, radix: radix) == String(number, radix: Int(radix)))
        }
    }

    @Test func numbersInTexts() {
        #expect("\(UInt32.max) \(UInt8.max) \(Int32.min) \(UInt8.zero)" == "4294967295 255 -2147483648 0")
    }
}
