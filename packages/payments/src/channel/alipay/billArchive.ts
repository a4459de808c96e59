import { BillMalformed } from "@mall/domain/treasury/ReconciliationError"
import { Effect, Result, Stream } from "effect"
import { Zip } from "effect/encoding"

// A bill comes as an archive of two files in GBK: the details, and what they sum up to by shops. Their names are in GBK without
// saying so, and are not relied on: each begins with its title.

const detailsTitle = "#支付宝业务明细查询"
const summaryTitle = "#支付宝业务汇总查询"

/** What is unpacked at most: a large account's day of ten million lines. */
const largestUnpacked = 4_294_967_296

/** More entries are no bill. */
const mostEntries = 8

/** Longer than any line: a bill that has none is no bill. */
const longestLine = 65_536

const malformed = (line: number, reason: string) => new BillMalformed({ line, reason })

const decode = (bytes: Uint8Array) =>
  Result.try(() => new TextDecoder("gbk", { fatal: true, ignoreBOM: true }).decode(bytes))

/** Whole lines as text. A line end is never a part of a character, so that each line stands for itself. */
const linesOf = (bytes: Uint8Array, before: number): Result.Result<string, BillMalformed> => {
  const whole = decode(bytes)
  if (Result.isSuccess(whole)) return Result.succeed(whole.success)
  let number = before
  for (let start = 0; start < bytes.length;) {
    number += 1
    const end = bytes.indexOf(10, start)
    const next = end === -1 ? bytes.length : end + 1
    if (Result.isFailure(decode(bytes.subarray(start, next)))) break
    start = next
  }
  return Result.fail(malformed(number, "it is not in GBK"))
}

const countLines = (text: string) => {
  let count = 0
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count += 1
  return count
}

/** Bytes in GBK as text, in whole lines. */
const decodeGbk = <E>(bytes: Stream.Stream<Uint8Array, E>) =>
  Stream.suspend(() => {
    let rest = new Uint8Array(0)
    let count = 0
    const take = (part: Uint8Array, isEnd: boolean) => {
      const joined = Buffer.concat([rest, part])
      const cut = isEnd ? joined.length : joined.lastIndexOf(10) + 1
      rest = new Uint8Array(joined.subarray(cut))
      if (rest.length > longestLine) return Result.fail(malformed(count + 1, "it has no end"))
      const text = linesOf(joined.subarray(0, cut), count)
      if (Result.isSuccess(text)) count += countLines(text.success)
      return text
    }
    const last = Stream.suspend(() => Stream.fromEffect(Effect.fromResult(take(new Uint8Array(0), true))))
    return bytes.pipe(
      Stream.mapEffect((part) => Effect.fromResult(take(part, false))),
      Stream.concat(last),
      Stream.filter((text) => text !== "")
    )
  })

/**
 * The details of an archive as bytes in UTF-8, unpacked as they come, with the check sums of the archive looked at. Anything but
 * one file of details, and at most one of sums, is refused; so is what unpacks to more than a bill can be.
 */
export const unpackBill = <E>(archive: Stream.Stream<Uint8Array, E>, largest = largestUnpacked) =>
  Stream.suspend(() => {
    let entries = 0
    let unpacked = 0
    let details = 0
    const bounded = <E2>(body: Stream.Stream<Uint8Array, E2>) =>
      Stream.mapEffect(body, (bytes) => {
        unpacked += bytes.length
        return unpacked > largest
          ? Effect.fail(malformed(0, `the archive unpacks to more than ${largest} bytes`))
          : Effect.succeed(bytes)
      })
    /** Nothing of what is not the details, which is read on all the same for its check sum. */
    const ofDetails = <E2>(text: Stream.Stream<string, E2>) =>
      Stream.suspend(() => {
        let isDetails: boolean | undefined
        return Stream.mapEffect(text, (lines) => {
          if (isDetails !== undefined) return Effect.succeed(isDetails ? lines : "")
          isDetails = lines.startsWith(detailsTitle)
          if (!isDetails && !lines.startsWith(summaryTitle)) {
            return Effect.fail(malformed(1, "the archive has a file that is no part of a bill"))
          }
          details += isDetails ? 1 : 0
          return details > 1
            ? Effect.fail(malformed(0, "the archive has the details twice"))
            : Effect.succeed(isDetails ? lines : "")
        })
      })
    const end = Stream.suspend(() =>
      details === 1 ? Stream.empty : Stream.fail(malformed(0, "the archive has no details"))
    )
    return archive.pipe(
      Stream.pipeThroughChannel(Zip.decode<E>()),
      Stream.flatMap(({ body, header }) => {
        entries += 1
        if (entries > mostEntries || header.type !== "File") {
          return Stream.fail(malformed(0, "the archive has files that no bill has"))
        }
        return ofDetails(decodeGbk(bounded(body)))
      }),
      Stream.catchIf(Zip.isZipError, (error) => Stream.fail(malformed(0, `the archive is damaged: ${error.kind}`))),
      Stream.concat(end),
      Stream.filter((text) => text !== ""),
      Stream.encodeText
    )
  })
