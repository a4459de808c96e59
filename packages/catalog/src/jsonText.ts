import { Schema } from "effect"

/** A value as JSON text, for a parameter that SQL casts to `jsonb`. */
export const jsonText = Schema.encodeUnknownSync(Schema.fromJsonString(Schema.Unknown))
