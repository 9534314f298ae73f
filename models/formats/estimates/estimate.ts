/** A figure that follows from a description, with everything a reader needs to check it. */
export interface Estimate {
  readonly value: number;
  readonly unit: 'bytes' | 'flops';
  /** In the letters that `assumptions` and the parts explain. */
  readonly formula: string;
  readonly assumptions: readonly string[];
  readonly split: readonly { readonly name: string; readonly value: number }[];
}

/** Bytes of a number in the dtypes that configs name. */
const bytes: Readonly<Record<string, number>> = {
  float64: 8,
  float32: 4,
  float: 4,
  fp32: 4,
  bfloat16: 2,
  bf16: 2,
  float16: 2,
  half: 2,
  fp16: 2,
  float8_e4m3fn: 1,
  float8_e5m2: 1,
  fp8: 1,
  int8: 1,
  fp4: 0.5,
};

/** A dtype with, where the config does not name it, the clause that says where it comes from. */
export interface NumberFormat {
  readonly dtype?: string;
  readonly dtypeFrom?: string;
}

/** Bytes per number, and what was assumed where the config names no dtype: transformers then loads float32. */
export function dtypeBytes({ dtype, dtypeFrom }: NumberFormat): {
  readonly bytes: number;
  readonly assumption: string;
} {
  const known = dtype === undefined ? undefined : own(bytes, dtype);
  const why = dtypeFrom ?? (dtype === undefined ? 'the config names no dtype' : `${dtype} is not a dtype known here`);
  if (known === undefined) return { bytes: 4, assumption: `numbers in float32 (${why})` };
  return { bytes: known, assumption: `numbers in ${dtype ?? ''}${dtypeFrom === undefined ? '' : ` (${why})`}` };
}

/** Names come from a file: `constructor` is no dtype. */
const own = (table: Readonly<Record<string, number>>, name: string): number | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

export const sum = (values: readonly { readonly value: number }[]): number =>
  values.reduce((total, { value }) => total + value, 0);
