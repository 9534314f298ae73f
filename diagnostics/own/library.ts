/**
 * The script that a process runs before an analysis or a task file, in the file's own context: what it imports as `headscope`, and the
 * code that questions it. Nothing of the process outside that context is reachable from it.
 */
import '../../kernels/own/text-encoding';
import { pack, unpack, type ArrayKind, type NumberArray } from '../../protocol/wire/packed';
import * as headscope from './headscope';
import { taskEnding } from '../../protocol/inputs/own-file';
import { AnalysisAnswerer, type AnalysisQuestion } from './analysis-file';
import { TaskAnswerer, type TaskQuestion } from './task-answerer';

export const exported: Readonly<Record<string, unknown>> = headscope;

const makers = { Float32Array, Float64Array, Uint16Array, Int32Array, BigInt64Array, Uint8Array };

/** Arrays of the file's context, which the process fills. */
export const array = (kind: ArrayKind, length: number): NumberArray => new makers[kind](length);

let ask: (text: string) => string;
export function connect(outside: (text: string) => string): void {
  ask = outside;
}

interface Answerer {
  /** Undefined where the answer comes with the end of the turn. */
  readonly begin: (question: unknown) => unknown;
  readonly turn: () => unknown;
}

let answerer: Answerer | undefined;

/** `file`: its name says what the file is. */
export function load(defaultExport: unknown, file: string): void {
  const outside = (text: string): string => ask(text);
  if (file.endsWith(taskEnding)) {
    const task = new TaskAnswerer(defaultExport, outside);
    answerer = { begin: (question) => task.begin(question as TaskQuestion), turn: () => undefined };
  } else {
    const analysis = new AnalysisAnswerer(defaultExport, outside);
    answerer = { begin: (question) => analysis.begin(question as AnalysisQuestion), turn: () => analysis.turn() };
  }
}

let answered: unknown;

export function answer(question: string, given: readonly (readonly [string, NumberArray])[]): void {
  const arrays = given.map(([, numbers]) => numbers);
  answered = answerer!.begin(unpack(JSON.parse(question) as string, arrays));
}

/** What the question came to, once all that could go on has gone on. */
export function taken(): { readonly json: string; readonly arrays: readonly NumberArray[] } {
  return pack(answered === undefined ? answerer!.turn() : answered, 'The answer');
}
