import { Statement } from "effect/sql"

const quotedId = /^'([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'$/

const asParameter = (segment: Statement.Segment): ReadonlyArray<Statement.Segment> => {
  const id = segment._tag === "Literal" ? quotedId.exec(segment.value)?.[1] : undefined
  return id === undefined ? [segment] : [Statement.parameter(id), Statement.literal("::uuid")]
}

/**
 * `PersistedQueue` writes the lock of each take into the text of its statements, so that no two have the same text, and each is
 * parsed, planned and kept anew, which takes longer than running it. With the lock as a parameter they are a handful of
 * statements, planned once.
 */
export const locksAsParameters = (compiler: Statement.Compiler): Statement.Compiler => ({
  dialect: compiler.dialect,
  compile: (statement, withoutTransform) =>
    compiler.compile(Statement.fragment(statement.segments.flatMap(asParameter)), withoutTransform),
  get withoutTransform() {
    return locksAsParameters(compiler.withoutTransform)
  }
})
