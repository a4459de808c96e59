import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Authorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { Page } from "../kernel/Page.ts"
import { Audited } from "../operations/Audit.ts"
import { CategoryNotFound } from "./CatalogError.ts"
import { Category, CategoryId, CreateCategory, UpdateCategory } from "./Category.ts"
import { categoryErrors } from "./operationErrors.ts"

const params = { id: CategoryId }

/** The tree of categories: read by anyone, written by admins. */
export class CategoriesApiGroup extends HttpApiGroup.make("categories")
  .add(
    HttpApiEndpoint.get("list", "/", { success: Page(Category) })
      .annotate(RequiredPermission, "public")
      .annotateMerge(
        OpenApi.annotations({
          summary: "List all categories",
          description: "The whole tree on one page: every category after its parent, siblings by `position`."
        })
      ),
    HttpApiEndpoint.get("get", "/:id", { params, success: Category, error: CategoryNotFound })
      .annotate(RequiredPermission, "public")
      .annotateMerge(OpenApi.annotations({ summary: "Read a category" })),
    HttpApiEndpoint.post("create", "/", {
      payload: CreateCategory,
      success: Category.pipe(HttpApiSchema.status(201)),
      error: categoryErrors.create
    })
      .middleware(Idempotent)
      .middleware(Authorization)
      .annotate(RequiredPermission, "categories:write")
      .annotate(Audited, "category.create")
      .annotateMerge(OpenApi.annotations({ summary: "Create a category" })),
    HttpApiEndpoint.patch("update", "/:id", {
      params,
      payload: UpdateCategory,
      success: Category,
      error: categoryErrors.update
    })
      .middleware(Authorization)
      .annotate(RequiredPermission, "categories:write")
      .annotate(Audited, "category.update")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Change or move a category",
          description: "With another `parentId` it moves with all below it; `null` makes it a root."
        })
      ),
    HttpApiEndpoint.delete("remove", "/:id", {
      params,
      success: HttpApiSchema.NoContent,
      error: categoryErrors.remove
    })
      .middleware(Authorization)
      .annotate(RequiredPermission, "categories:write")
      .annotate(Audited, "category.remove")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Delete a category",
          description: "Refused while it holds products, in whatever state, or other categories."
        })
      )
  )
  .prefix("/api/v1/categories")
  .annotateMerge(OpenApi.annotations({ title: "Categories", description: "How products are arranged" })) {}
