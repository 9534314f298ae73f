/** From the sources that interventions name to rows: files are read and plain runs made, each once. */
import type { PromptInput } from '../../../protocol/inputs/prompt';
import { type PromptText, type Source, sourceText } from '../../../protocol/interventions/source';
import { FailureError, refusal } from '../../../protocol/wire/failures';
import type { LoadedModel } from '../checkpoint/loaded-model';
import { sequenceOf } from '../prompt/prompt';
import { chunkThatFits } from '../run/stream/budget';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import { readRowsFile, rowsInFile } from './rows-file';
import { meansOf, valuesOf, type PlainRun } from './source-runs';
import { wantedKey, widthOf, type Rows, type Wanted } from './wanted-rows';

/** Share of the memory limit that the rows of other runs may take. */
const rowShare = 0.25;

export interface RunOf {
  /** Whose tokenizer reads prompts. */
  readonly opened: LoadedModel;
  /** Whose layers are run: the vision encoder where the prompt is a picture alone, or the encoder of an encoder-decoder. */
  readonly model: LoadedModel;
  readonly sequence: Sequence;
  /** Queries of a chunk of the run: its own values are the same to the bit from chunks of this size alone. */
  readonly chunk: number;
  readonly memoryLimit: number;
  readonly signal: AbortSignal;
}

/** By `wantedKey`. */
export async function resolveRows(run: RunOf, wanted: readonly Wanted[]): Promise<ReadonlyMap<string, Rows>> {
  const { model, signal } = run;
  requireRoom(run, wanted);
  const found = new Map<string, Rows>();
  const bySource = new Map<string, { readonly source: Source; readonly wanted: Wanted[] }>();
  for (const one of wanted) {
    const key = JSON.stringify(one.source);
    const group = bySource.get(key) ?? { source: one.source, wanted: [] };
    bySource.set(key, group);
    if (!group.wanted.some((other) => wantedKey(other) === wantedKey(one))) group.wanted.push(one);
  }
  for (const { source, wanted: these } of bySource.values()) {
    signal.throwIfAborted();
    const add = (rows: ReadonlyMap<string, Rows>): void => rows.forEach((each, key) => found.set(key, each));
    switch (source.from) {
      case 'zero':
        for (const one of these)
          found.set(wantedKey(one), { data: new Float32Array(widthOf(model.spec, one)), everywhere: true });
        break;
      case 'own':
        add(await valuesOf(model.spec, model.sessions, run, these, signal));
        break;
      case 'prompt':
        add(await valuesOf(model.spec, model.sessions, await counterpart(run, source), these, signal));
        break;
      case 'mean': {
        const runs = source.prompts ? await promptRuns(run, source.prompts) : [run];
        add(await meansOf(model.spec, model.sessions, runs, these, signal));
        break;
      }
      case 'file': {
        const file = await readRowsFile(source.path, run.memoryLimit * rowShare);
        for (const one of these)
          found.set(wantedKey(one), rowsInFile(model.spec, file, source.path, one, run.sequence.ids.length));
      }
    }
  }
  return found;
}

function requireRoom({ model, sequence, memoryLimit }: RunOf, wanted: readonly Wanted[]): void {
  const rows = wanted.filter(({ source }) => source.from === 'own' || source.from === 'prompt');
  const bytes = rows.reduce((sum, one) => sum + 4 * sequence.ids.length * widthOf(model.spec, one), 0);
  if (bytes > memoryLimit * rowShare) {
    throw new FailureError({
      code: 'out-of-memory',
      neededBytes: Math.ceil(bytes / rowShare),
      limitBytes: memoryLimit,
    });
  }
}

/** Another prompt of as many tokens. */
async function counterpart(run: RunOf, source: Extract<Source, { readonly from: 'prompt' }>): Promise<PlainRun> {
  const sequence = await sequenceOfText(run, source.prompt, source.chat ?? false);
  const [own, given] = [run.sequence.ids.length, sequence.ids.length];
  if (own !== given) {
    throw refusal(
      `The prompt of "${sourceText(source)}" has ${given} ${given === 1 ? 'token' : 'tokens'} and that of the run ${own}. Values are replaced position by position: give a prompt of as many tokens.`,
    );
  }
  return { sequence, chunk: run.chunk };
}

async function promptRuns(run: RunOf, prompts: readonly PromptText[]): Promise<PlainRun[]> {
  const runs: PlainRun[] = [];
  for (const prompt of prompts) {
    const sequence = await sequenceOfText(run, prompt, false);
    const { ids, prefix, source } = sequence;
    const shape = { length: ids.length, batch: 1, keepCache: false, logits: 'none', prefix, source } as const;
    runs.push({ sequence, chunk: chunkThatFits(run.model, shape, run.memoryLimit) });
  }
  return runs;
}

/** With the picture of the run, if it has one. For an encoder-decoder the text is another source; its decoder keeps the target. */
async function sequenceOfText(
  { opened, model, sequence: { ids, image: picture }, memoryLimit, signal }: RunOf,
  text: PromptText,
  chat: boolean,
): Promise<Sequence> {
  if (!model.spec.embedding) {
    throw refusal('The vision encoder reads no prompt. Take the values from zero, mean, own or a file.');
  }
  const image = picture ? { image: picture.path } : {};
  const input: PromptInput =
    typeof text === 'string' ? { kind: 'text', text, chat, ...image } : { kind: 'ids', ids: text, ...image };
  if (model === opened.source) return { ids: (await sequenceOf(opened, input)).source?.ids ?? [] };
  const read = await sequenceOf(opened, input, { memoryLimit, signal });
  return read.source ? { ...read, ids } : read;
}
