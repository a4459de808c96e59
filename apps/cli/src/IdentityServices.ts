import { IdentityCommandLayer } from "@mall/identity/Identity"
import { Outbox } from "@mall/platform/Outbox"
import { Layer } from "effect"
import * as ReadyDatabase from "./ReadyDatabase.ts"

/** Accounts and who may do what, for the commands that concern nothing else. */
export const layer = IdentityCommandLayer.pipe(Layer.provide(Outbox.layer), Layer.provideMerge(ReadyDatabase.layer))
