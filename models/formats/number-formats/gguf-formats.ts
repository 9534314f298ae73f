/** The formats of ggml that a run reads, by the names that tensor-types.ts has for them. */
import { iq4_nl, iq4_xs, mxfp4, nvfp4, q1_0, q2_0, tq1_0, tq2_0 } from './gguf-codebooks';
import { iq1_m, iq1_s, iq2_s, iq2_xs, iq2_xxs, iq3_s, iq3_xxs } from './gguf-iq';
import { q2_k, q3_k, q4_k, q5_k, q6_k } from './gguf-k';
import { q4_0, q4_1, q5_0, q5_1, q8_0 } from './gguf-simple';
import type { NumberFormat } from './number-format';

const all = [
  ...[q8_0, q4_0, q4_1, q5_0, q5_1, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, mxfp4, nvfp4],
  ...[iq1_s, iq1_m, iq2_xxs, iq2_xs, iq2_s, iq3_xxs, iq3_s, q1_0, q2_0, tq1_0, tq2_0],
];
const formats = new Map(all.map((format) => [format.name, format]));

/** Undefined if a run does not read this format. Its only part is `blocks`. */
export const ggufFormat = (name: string): NumberFormat | undefined => formats.get(name);
