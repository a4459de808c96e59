import { PgTypes } from "@effect/sql-pg"
import { Result } from "effect"

const int8ArrayOid = 1016

/** PostgreSQL types as this house reads them: `int8` is a safe integer, and one beyond 2^53 − 1 is an error, never rounded. */
export const pgTypes = PgTypes.makeRegistry()
pgTypes.register<number>(
  PgTypes.OID.int8,
  {
    encode: (value) => {
      const bytes = new Uint8Array(8)
      new DataView(bytes.buffer).setBigInt64(0, BigInt(value))
      return Result.succeed(bytes)
    },
    decode: (bytes) => {
      const value = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0))
      return Number.isSafeInteger(value)
        ? Result.succeed(value)
        : Result.fail(new PgTypes.CodecError({ message: "int8 beyond 2^53 - 1" }))
    }
  },
  { arrayOid: int8ArrayOid }
)
