import type { ApiKeyId } from "@mall/domain/identity/ApiKey"

/** What a signing secret is sealed for: one key's cannot be opened as another's. */
export const sealPurpose = (id: ApiKeyId) => `identity.api_keys/${id}`
