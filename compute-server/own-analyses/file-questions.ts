/** Questions to the process of an analysis or a task file; a fault names its place. */
import * as v from 'valibot';
import { pack, unpack } from '../../protocol/wire/packed';
import { KernelFault } from '../own-kernels/kernel-link';
import type { OwnProcess } from '../own-kernels/own-process';
import { placeOfName } from '../own-kernels/place-of-name';

export interface FileQuestions {
  /** `names`: of the parts of the file that answer. Throws a KernelFault. */
  readonly ask: (question: unknown, names: readonly string[]) => Promise<unknown>;
  /** A fault that no stack leads to has the first of these parts. */
  readonly fault: (sentence: string, names: readonly string[]) => KernelFault;
}

export function questionsTo(process: OwnProcess, file: string): FileQuestions {
  const fault = (sentence: string, names: readonly string[]): KernelFault =>
    new KernelFault({ sentence, place: { file, ...placeOfName(process.text, [...names, 'default']) } });
  return {
    fault,
    async ask(question, names) {
      const { json, arrays } = pack(question, 'the question');
      const numbers = arrays.map((one, at) => [String(at), one] as const);
      const reply = await process.ask({ question: json, numbers }, [...names, 'default']);
      if (!('fault' in reply)) return unpack(reply.ok.json, reply.ok.arrays ?? []);
      const { sentence, place } = reply.fault;
      throw place && (place.line > 1 || place.column !== undefined)
        ? new KernelFault(reply.fault)
        : fault(sentence, names);
    },
  };
}

/** A file that computes would not see that it is cancelled: its process is ended. */
export async function unlessAborted<T>(signal: AbortSignal, end: () => void, act: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  signal.addEventListener('abort', end);
  try {
    return await act();
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', end);
  }
}

/** What the facts of both kinds have in common. */
export const commonFacts = {
  title: v.pipe(v.string(), v.nonEmpty()),
  source: v.object({
    reference: v.string(),
    trust: v.picklist(['high', 'medium', 'low']),
    note: v.optional(v.string()),
  }),
  parameters: v.record(v.string(), v.looseObject({ kind: v.string(), title: v.string(), description: v.string() })),
};

/** What is wrong, and the name of the part that says it. */
export function faultIn(
  schema: v.GenericSchema,
  facts: unknown,
  what: string,
): readonly [sentence: string, part: string] | undefined {
  const { success, issues } = v.safeParse(schema, facts, { abortEarly: true });
  if (success) return undefined;
  const key = issues[0].path?.[0]?.key;
  const part = typeof key === 'string' ? key : 'default';
  return [`"${part}" is not what ${what} has there. ${issues[0].message}.`, part];
}
