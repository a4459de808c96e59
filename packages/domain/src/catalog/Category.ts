import { Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { BilingualText } from "./BilingualText.ts"

export const CategoryId = Uuid7.pipe(Schema.brand("CategoryId"), Schema.annotate({ identifier: "CategoryId" }))
export type CategoryId = typeof CategoryId.Type

/** A short name for files and links, unique among categories: `green-tea`. */
export const CategoryCode = Schema.String.check(Schema.isPattern(/^[a-z0-9]+(-[a-z0-9]+)*$/), Schema.isMaxLength(64))

/** How deep the tree may grow: a root is at depth 1. */
export const maxCategoryDepth = 6

const fields = {
  parentId: Schema.NullOr(CategoryId),
  code: CategoryCode,
  name: BilingualText(100),
  /** Siblings are shown in ascending order of it. */
  position: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))
}

/** One node of the tree in which products are kept. A product of a category is found under each of its ancestors too. */
export class Category extends Schema.Class<Category>("Category")({
  id: CategoryId,
  ...fields,
  /** 1 for a root. */
  depth: Schema.Int
}) {}

export const CreateCategory = Schema.Struct({
  ...fields,
  parentId: Schema.optionalKey(fields.parentId),
  position: Schema.optionalKey(fields.position)
}).annotate({ identifier: "CreateCategory" })

/** What is absent stays as it is; `parentId: null` makes a root. */
export const UpdateCategory = Schema.Struct({
  parentId: Schema.optionalKey(fields.parentId),
  code: Schema.optionalKey(fields.code),
  name: Schema.optionalKey(fields.name),
  position: Schema.optionalKey(fields.position)
}).annotate({ identifier: "UpdateCategory" })
