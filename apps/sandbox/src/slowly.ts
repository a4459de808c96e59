import { Schedule, Stream } from "effect"

/** The text a byte at a time, `milliseconds` apart. */
export const slowly = (text: string, milliseconds: number): Stream.Stream<Uint8Array> =>
  Stream.fromIterable(new TextEncoder().encode(text)).pipe(
    Stream.map((byte) => Uint8Array.of(byte)),
    Stream.rechunk(1),
    Stream.schedule(Schedule.spaced(milliseconds))
  )
