/** The checkpoints on which the laws of analyses run, and what each is given to read. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { WordTokenizer } from '../../../diagnostics/shared/training/word-tokenizer';
import type { InputKind } from '../../../protocol/analysis/analysis';
import type { AnalysisInput } from '../../../protocol/analysis/schema';
import { crossAlignment } from '../../../diagnostics/patterns/cross-alignment/analysis';
import { expertUse } from '../../../diagnostics/patterns/expert-use/analysis';
import { plantedRouterModel, plantedTokens } from '../../support/checkpoints/planted-router';
import { plantedAlignment } from '../../support/checkpoints/planted-alignment';
import { plantedCircuit, type Checkpoint } from '../../support/checkpoints/planted-circuit';
import {
  bartWithPermutedCrossHeads,
  llamaWithPermutedHeads,
  withPermutedHeads,
} from '../../support/checkpoints/permuted-heads';
import { writeSafetensors } from '../../support/safetensors-file';
import {
  llamaLike,
  tinyModel,
  tinyModels,
  tinyTensors,
  writeConfig,
  writeTinyModel,
  type TinyModel,
} from '../../support/checkpoints/tiny-models';
import { tinyPair } from '../../support/checkpoints/tiny-pairs';
import { tinyLlava, tinyPixels, writePng, writeProcessor, type TinyVlm } from '../../support/checkpoints/tiny-vision';

export interface Case {
  readonly name: string;
  readonly model: LoadedModel;
  /** The one analysis that it is for; absent: all. */
  readonly only?: string;
  readonly ids: readonly number[];
  /** For an encoder-decoder, whose source the ids are. */
  readonly target?: readonly number[];
  /** Path of the picture in the prompt, where the model reads one. */
  readonly image?: string;
  readonly pictures: PictureSet;
  /** File of documents, as token ids. */
  readonly corpus: string;
  /** File of questions with two options, as token ids. */
  readonly questions: string;
  /** File of pairs of token ids. */
  readonly pairs: string;
}

export interface PictureSet {
  readonly folder: string;
  /** File of what some of the pictures hold. */
  readonly truth: string;
  /** File of what they hold, with objects enough for questions. */
  readonly objects: string;
  /** File of texts, as token ids. */
  readonly texts: string;
  /** File of one of two texts for each picture. */
  readonly labels: string;
  /** File that gives each of the others one of two classes. */
  readonly classes: string;
}

/** Those made for the analysis, where there are some. */
export const casesFor = (analysis: { readonly id: string }, all: readonly Case[]): readonly Case[] =>
  madeFor(analysis, all, (one) => one);

export const permutedFor = (analysis: { readonly id: string }, all: readonly PermutedCase[]): readonly PermutedCase[] =>
  madeFor(analysis, all, ({ first }) => first);

function madeFor<T>({ id }: { readonly id: string }, all: readonly T[], caseOf: (one: T) => Case): readonly T[] {
  const own = all.filter((one) => caseOf(one).only === id);
  return own.length > 0 ? own : all.filter((one) => caseOf(one).only === undefined);
}

/** The same model twice; `orders[layer][at]` is the head of the first that stands at `at` in the second. */
export interface PermutedCase {
  readonly name: string;
  readonly first: Case;
  readonly second: Case;
  readonly orders: readonly (readonly number[])[];
}

const questionWords = 'Is there a dog cat car tree boat in the image? yes no';
const ids: readonly number[] = Array.from({ length: 20 }, (_, i) => (i * 17 + (i > 10 ? 3 : 0)) % 61);
/** A sequence said twice, which the planted circuit continues. */
const half = Array.from({ length: 20 }, (_, i) => 1 + ((i * 37) % 61));
const repeated: readonly number[] = [0, ...half, ...half];

const promptWithPicture = ({ imageToken }: TinyVlm): readonly number[] => [
  ...[1, 5, 9],
  imageToken,
  ...[11, 17, 23, 8, 4, 31, 2, 12],
];

const checkpointOf = (tiny: TinyModel): Checkpoint => ({ config: tiny.config, tensors: tinyTensors(tiny) });

/** The first tiny checkpoint of each family. */
const families: readonly TinyModel[] = [
  ...new Map([...tinyModels].reverse().map((tiny) => [tiny.config['model_type'], tiny])).values(),
].reverse();

export class Cases {
  private readonly folder = mkdtempSync(join(tmpdir(), 'headscope-analyses-'));
  private readonly opened: LoadedModel[] = [];
  private readonly pictures = writePictures(this.folder);
  private readonly corpus = writeCorpus(this.folder);
  private readonly questions = writeQuestions(this.folder);
  private readonly pairs = writePairs(this.folder);

  private async open(
    name: string,
    { config, tensors }: Checkpoint,
    prompt: readonly number[],
    vlm?: TinyVlm,
    files: Readonly<Record<string, object>> = {},
  ): Promise<Case> {
    const at = join(this.folder, String(this.opened.length));
    writeConfig(at, config);
    writeSafetensors(join(at, 'model.safetensors'), tensors);
    if (vlm) writeProcessor(at, vlm);
    for (const [file, content] of Object.entries(files)) writeFileSync(join(at, file), JSON.stringify(content));
    const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    this.opened.push(model);
    const { pictures, corpus, questions, pairs } = this;
    const image = vlm ? { image: join(pictures.folder, 'a.png') } : {};
    return { name, model, ids: prompt, ...image, pictures, corpus, questions, pairs };
  }

  /** One checkpoint of every family, and one whose heads are known to do something. */
  async all(): Promise<readonly Case[]> {
    const cases = [await this.open('planted circuit', plantedCircuit(), repeated)];
    for (const tiny of families) cases.push(await this.open(tiny.name, checkpointOf(tiny), ids));
    return [
      ...cases,
      await this.openVlm(),
      await this.openPair(),
      await this.openAnswering(),
      await this.openAlignment(),
      await this.openExperts(),
    ];
  }

  /** Reads pictures, and questions about them as text. */
  private async openAnswering(): Promise<Case> {
    const vlm = tinyLlava();
    const { tokenizer, config } = WordTokenizer.of([questionWords]).files();
    const named = { id: vlm.imageToken, content: '<image>', special: true, normalized: false };
    const { added_tokens: added, model: words } = tokenizer as { added_tokens: object[]; model: { vocab: object } };
    added.push({ ...named, single_word: false, lstrip: false, rstrip: false });
    Object.assign(words.vocab, { '<image>': vlm.imageToken });
    const of = await this.open(vlm.name, checkpointOf(vlm), promptWithPicture(vlm), vlm, {
      'tokenizer.json': tokenizer,
      'tokenizer_config.json': config,
    });
    return { ...of, name: 'answering llava', only: 'pope' };
  }

  /** Reads a source and writes a target. */
  private async openAlignment(): Promise<Case> {
    const of = await this.open('planted alignment', plantedAlignment(), ids.slice(0, 9));
    return { ...of, target: [0, ...ids.slice(3, 10)], only: crossAlignment.id };
  }

  /** Layers of routed experts. */
  private async openExperts(): Promise<Case> {
    const of = await this.open('planted router', plantedRouterModel(), plantedTokens(60, 5));
    return { ...of, only: expertUse.id };
  }

  private openVlm(): Promise<Case> {
    const vlm = tinyLlava();
    return this.open(vlm.name, checkpointOf(vlm), promptWithPicture(vlm), vlm);
  }

  /** Reads texts, and pictures apart from them. */
  private async openPair(): Promise<Case> {
    const pair = tinyPair('clip');
    const at = join(this.folder, 'pair');
    writeTinyModel(at, pair);
    writeProcessor(at, pair);
    const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    this.opened.push(model);
    const { pictures, corpus, questions, pairs } = this;
    return { name: pair.name, model, ids, pictures, corpus, questions, pairs };
  }

  /** Those of `known` that are the same checkpoint with its heads in order stand for it. */
  async permuted(known: readonly Case[] = []): Promise<readonly PermutedCase[]> {
    const knownAs = (name: string) => known.find((one) => one.name === name);
    const cases: PermutedCase[] = [];
    for (const [name, { config, tensors }, prompt, orders, permute = withPermutedHeads] of [
      [
        'planted circuit',
        plantedCircuit(),
        repeated,
        [
          [1, 0],
          [1, 0],
        ],
      ],
      [
        'gpt2',
        checkpointOf(tinyModel('gpt2')),
        ids,
        [
          [2, 0, 3, 1],
          [1, 2, 3, 0],
        ],
      ],
      // For those that no GPT-2 is for.
      [
        'llama, all heads with keys of their own',
        checkpointOf(tinyModel('llama, all heads with keys of their own')),
        ids,
        [
          [2, 0, 3, 1],
          [1, 2, 3, 0],
        ],
        llamaWithPermutedHeads,
      ],
    ] as const) {
      const first = knownAs(name) ?? (await this.open(name, { config, tensors }, prompt));
      const tensorsOfSecond = permute(tensors, orders);
      const second = await this.open(name, { config, tensors: tensorsOfSecond }, prompt);
      cases.push({ name, first, second, orders });
    }
    const alignment = knownAs('planted alignment') ?? (await this.openAlignment());
    const experts = knownAs('planted router') ?? (await this.openExperts());
    return [
      ...cases,
      await this.permutedVlm(),
      await this.permutedAlignment(alignment),
      await this.permutedExperts(experts),
    ];
  }

  private async permutedAlignment(first: Case): Promise<PermutedCase> {
    const { config, tensors } = plantedAlignment();
    const orders = [
      [2, 0, 3, 1],
      [1, 2, 3, 0],
    ];
    const second = await this.open(
      first.name,
      { config, tensors: bartWithPermutedCrossHeads(tensors, orders) },
      first.ids,
    );
    return { name: first.name, first, second: { ...first, model: second.model }, orders };
  }

  private async permutedExperts(first: Case): Promise<PermutedCase> {
    const { config, tensors } = plantedRouterModel();
    const orders = [
      [2, 0, 3, 1],
      [1, 2, 3, 0],
    ];
    const second = await this.open(first.name, { config, tensors: llamaWithPermutedHeads(tensors, orders) }, first.ids);
    return { name: first.name, first, second: { ...first, model: second.model }, orders };
  }

  /** For those that read a picture. */
  private async permutedVlm(): Promise<PermutedCase> {
    const vlm = tinyLlava({
      text: llamaLike('llama', 'llama', { architectures: ['LlamaForCausalLM'], num_key_value_heads: 4 }),
    });
    const { config, tensors } = checkpointOf(vlm);
    const orders = [
      [2, 0, 3, 1],
      [1, 2, 3, 0],
    ];
    const other = llamaWithPermutedHeads(tensors, orders, 'language_model.');
    const prompt = promptWithPicture(vlm);
    return {
      name: vlm.name,
      first: await this.open(vlm.name, { config, tensors }, prompt, vlm),
      second: await this.open(vlm.name, { config, tensors: other }, prompt, vlm),
      orders,
    };
  }

  async close(): Promise<void> {
    for (const { sessions, vision, source } of this.opened) {
      await sessions.release();
      await vision?.sessions.release();
      await source?.sessions.release();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function writePictures(at: string): PictureSet {
  const folder = join(at, 'pictures');
  mkdirSync(folder);
  const names = ['a.png', 'b.png'];
  names.forEach((name, i) => writePng(join(folder, name), tinyPixels(20 + i, 14)));
  const truth = join(at, 'truth.json');
  writeFileSync(truth, JSON.stringify(Object.fromEntries(names.map((name) => [name, ['dog']]))));
  const objects = join(at, 'objects.json');
  writeFileSync(objects, JSON.stringify({ 'a.png': ['dog', 'cat', 'car'], 'b.png': ['tree', 'cat', 'boat'] }));
  const texts = join(at, 'texts.txt');
  writeFileSync(texts, Array.from({ length: 9 }, (_, i) => `#${i + 3} #${(i * 5) % 50} #60`).join('\n'));
  const labels = join(at, 'labels.json');
  writeFileSync(labels, JSON.stringify({ 'a.png': '#3 #60', 'b.png': '#4 #60' }));
  const labelled = ['c.png', 'd.png', 'e.png', 'f.png', 'g.png', 'h.png'];
  labelled.forEach((name, i) => writePng(join(folder, name), tinyPixels(12 + i, 12)));
  const classes = join(at, 'classes.csv');
  writeFileSync(classes, labelled.map((name, i) => `${name},${i % 2 === 0 ? 'even' : 'odd'}`).join('\n'));
  return { folder, truth, objects, texts, labels, classes };
}

/** Two sources, documents of several lengths, one of them twice, and one token alone. */
function writeCorpus(at: string): string {
  const file = join(at, 'documents.jsonl');
  const documents = [
    { ids: repeated.slice(1), source: 'repeated' },
    { ids, source: 'other' },
    { ids: ids.slice(3, 12), source: 'repeated' },
    { ids, source: 'other' },
    { ids: [7] },
  ];
  writeFileSync(file, documents.map((document) => JSON.stringify(document)).join('\n'));
  return file;
}

/** Tokens 20 and up are questions and options: labels and separators are below. */
function writeQuestions(at: string): string {
  const file = join(at, 'questions.jsonl');
  const lines = Array.from({ length: 6 }, (_, i) => ({
    prompt: [20 + i],
    options: [[30 + i], [40 + ((3 * i) % 10)]],
    answer: i % 2,
  }));
  writeFileSync(file, lines.map((line) => JSON.stringify(line)).join('\n'));
  return file;
}

/** The partner of a list of tokens is it turned round, with one token more. */
function writePairs(at: string): string {
  const file = join(at, 'pairs.jsonl');
  const lines = Array.from({ length: 6 }, (_, i) => [
    [20 + i, 30 + i],
    [30 + i, 20 + i, 40],
  ]);
  writeFileSync(file, lines.map((line) => JSON.stringify(line)).join('\n'));
  return file;
}

/** Whether it reads prompts, on which interventions act. */
export const readsPrompt = (kind: InputKind): boolean => ['prompt', 'prompt-pair', 'image', 'task'].includes(kind);

export function inputOf(kind: InputKind, { ids: prompt, target, only, image, pictures, corpus }: Case): AnalysisInput {
  const given = {
    kind: 'ids',
    ids: prompt,
    ...(target ? { target } : {}),
    ...(image === undefined ? {} : { image }),
  } as const;
  switch (kind) {
    case 'prompt':
      return { kind, prompt: given };
    case 'prompt-pair': {
      const counterpart = prompt.map((id, at) => (at === 2 ? id + 1 : id));
      return { kind, prompt: given, counterpart: { ...given, ids: counterpart } };
    }
    case 'image-set':
      return {
        kind,
        folder: pictures.folder,
        prompt: only === undefined ? { kind: 'ids', ids: prompt } : { kind: 'text', text: '<image>{question}' },
        samples: 10,
      };
    // Random tokens: the checkpoints have no tokenizer.
    case 'task':
      return { kind, task: 'induction', samples: 3, taskParameters: { length: 8, repeated: 3 } };
    case 'none':
      return { kind };
    case 'corpus':
      return { kind, file: corpus };
    case 'image':
      throw new Error(`The laws have nothing to give an analysis that reads "${kind}": add it here.`);
  }
}
