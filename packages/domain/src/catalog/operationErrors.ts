import { CurrencyMismatch } from "../kernel/Money.ts"
import { StockBelowReserved } from "../trade/Stock.ts"
import {
  CategoryCodeTaken,
  CategoryCycle,
  CategoryInUse,
  CategoryNotFound,
  CategoryTooDeep,
  MerchantNotFound,
  MerchantRequired,
  ProductChanged,
  ProductCodeTaken,
  ProductIncomplete,
  ProductNotFound,
  ProductStateConflict,
  SkuCodeTaken,
  SkuNotFound,
  SkuOptionsTaken,
  TooManySkus
} from "./CatalogError.ts"

/** What each change of a product can answer instead of doing it; the same over HTTP and RPC. */
export const productErrors = {
  create: [
    MerchantRequired,
    MerchantNotFound,
    CategoryNotFound,
    ProductCodeTaken,
    SkuCodeTaken,
    SkuOptionsTaken,
    CurrencyMismatch
  ],
  update: [ProductNotFound, ProductStateConflict, ProductChanged, ProductCodeTaken, CategoryNotFound],
  publish: [ProductNotFound, ProductStateConflict, ProductIncomplete],
  unpublish: [ProductNotFound, ProductStateConflict],
  addSku: [ProductNotFound, ProductStateConflict, SkuCodeTaken, SkuOptionsTaken, CurrencyMismatch, TooManySkus],
  updateSku: [ProductNotFound, SkuNotFound, ProductStateConflict, SkuCodeTaken, SkuOptionsTaken, CurrencyMismatch],
  archiveSku: [ProductNotFound, SkuNotFound, ProductStateConflict, ProductIncomplete],
  setStock: [ProductNotFound, SkuNotFound, StockBelowReserved]
} as const

export const categoryErrors = {
  create: [CategoryNotFound, CategoryCodeTaken, CategoryTooDeep],
  update: [CategoryNotFound, CategoryCodeTaken, CategoryCycle, CategoryTooDeep],
  remove: [CategoryNotFound, CategoryInUse]
} as const
