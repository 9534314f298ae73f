/**
 * The script that a kernel process runs before the file, in the file's own context: what it imports as `headscope`, and the code
 * that questions it. Nothing of the process outside that context is reachable from it.
 */
import './text-encoding';
import * as headscope from './headscope';
import { KernelAnswerer, type Answered, type KernelQuestion } from './kernel-file';

export const exported: Readonly<Record<string, unknown>> = headscope;

/** Arrays of the file's context, which the process fills: kernels are given float64 alone. */
export const array = (_kind: string, length: number): Float64Array => new Float64Array(length);

let answerer: KernelAnswerer | undefined;

export function load(defaultExport: unknown): void {
  answerer = new KernelAnswerer(defaultExport);
}

export function answer(question: string, given: readonly (readonly [string, Float64Array])[]): Answered {
  return answerer!.answer(JSON.parse(question) as KernelQuestion, Object.fromEntries(given));
}
