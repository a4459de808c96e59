import * as Contexts from "@mall/server/Contexts"
import { Layer } from "effect"
import * as ReadyDatabase from "./ReadyDatabase.ts"

/** Every context, for the commands that concern more than one. */
export const layer = Contexts.layerCommand.pipe(Layer.provideMerge(ReadyDatabase.layer))
