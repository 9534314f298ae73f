import type { Variant } from '../../../../diagnostics/model-runner/variant';

/** The rows of one call of a layer's graph, as the inputs of its interventions are made for them. */
export interface FedRows {
  readonly variants: readonly Variant[];
  /** Of the queries. */
  readonly start: number;
  readonly length: number;
  /** Keys up to the last query. */
  readonly keys: number;
}
