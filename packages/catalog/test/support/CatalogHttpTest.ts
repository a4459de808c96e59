import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { CategoriesApiGroup } from "@mall/domain/catalog/CategoriesApi"
import { DemoImagesApiGroup } from "@mall/domain/catalog/DemoImagesApi"
import { ProductsApiGroup } from "@mall/domain/catalog/ProductsApi"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { Problems } from "@mall/domain/kernel/Problems"
import { MallApi } from "@mall/domain/MallApi"
import { RateLimits } from "@mall/platform/http/RateLimits"
import { ReadyAnswers } from "@mall/platform/http/ReadyAnswers"
import { Idempotency } from "@mall/platform/Idempotency"
import { IdempotentLayer } from "@mall/platform/IdempotentLayer"
import { ProblemsLayer } from "@mall/platform/ProblemsLayer"
import * as TestAuthorization from "@mall/testing/TestAuthorization"
import { Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiClient } from "effect/http-api"
import * as CatalogHttp from "../../src/CatalogHttp.ts"
import { CatalogTest } from "./CatalogTest.ts"

/** The catalogue's share of `MallApi`, under the same name, so that the same handlers serve it. */
const CatalogApi = HttpApi.make(MallApi.identifier)
  .add(ProductsApiGroup, CategoriesApiGroup, DemoImagesApiGroup)
  .middleware(Problems)

const Server = HttpRouter.serve(
  HttpApiBuilder.layer(CatalogApi).pipe(
    Layer.provide(CatalogHttp.layer),
    Layer.provide([ProblemsLayer, IdempotentLayer, TestAuthorization.layer])
  ),
  { disableLogger: true, disableListenLog: true }
)

/** The catalogue behind a real socket; the `HttpClient` in the context calls it. */
export const CatalogHttpTest = Server.pipe(
  Layer.provide([RateLimits.layer, Idempotency.layer, ReadyAnswers.layer]),
  Layer.provideMerge(CatalogTest),
  Layer.provideMerge(NodeHttpServer.layerTest)
)

/** A typed client that calls as `principal`. */
export const clientOf = (principal: Principal) =>
  HttpApiClient.make(CatalogApi).pipe(Effect.provide(TestAuthorization.clientOf(principal)))
