/** The run of the analysis `var`: sinks layer by layer, what masking them costs, and texts without and with redistribution. */
import { changesOf, type Variant } from '../../../models/instrument/changes/changes';
import { regionText } from '../../../protocol/interventions/regions';
import type { AnalysisJob, Step } from '../../analysis';
import { TextPieces } from '../../shared/captions/caption';
import { mean } from '../../../kernels/tensors/vectors';
import { textBlocks } from '../../shared/captions/text-blocks';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { groupsOfLayers, lookAt, massiveDimensions, type LayerLook, type Looked, type Massive } from './look';
import { drawnRows, lastLogits, maskedFrom, maskedRun, type MaskedRows } from './masking';
import { redistribution, seenOf, settingsOf, type VarParameters, type VarSettings } from './parameters';
import { mostMaps, type ComparedToken, type MaskedRun, type VarResult } from './result';
import { followedText, writtenText, type LookingToken } from './texts';

type Job = AnalysisJob<VarParameters>;

export interface PreparedVar extends Looked {
  readonly prompt: Prompt;
  readonly settings: VarSettings;
}

export function prepared(model: ModelRunner, { input, parameters, variant, groups }: Omit<Job, 'step'>): PreparedVar {
  const [prompt] = input.prompts;
  if (!prompt) throw new RangeError('the analysis reads a prompt');
  const settings = settingsOf(model.facts, parameters);
  const seen = seenOf(prompt, parameters.span, model.facts.bosId);
  return { prompt, settings, seen, variant, sequence: { ...prompt, groups } };
}

/** The variant with the redistribution on top; undefined where it would change nothing. */
export async function redistributed(
  model: ModelRunner,
  { prompt, settings, seen, variant }: PreparedVar,
  dimensions: readonly number[],
): Promise<Variant | undefined> {
  const one = redistribution(settings, dimensions, seen.region);
  if (!one) return undefined;
  return [...variant, ...changesOf((await model.variant([one], prompt)).variant, 'redistribution')];
}

export async function* varRun(model: ModelRunner, job: Job): AsyncGenerator<Step<VarResult>, VarResult> {
  const ready = prepared(model, job);
  const { settings, prompt } = ready;
  const { step, seed } = job;
  const count = model.facts.blocks.length;
  // Runs of the prompt, then tokens of four texts.
  const runs = 3 + settings.draws;
  const total = 1 + count + runs + 4 * settings.tokens;
  let done = 0;

  yield { sentence: 'Massive dimensions of the first token', done, total };
  const massive = await step('first token', () => massiveDimensions(model, ready, settings));
  done = 1;
  const looks: LayerLook[] = [];
  for (const group of groupsOfLayers(model.facts, prompt.ids.length)) {
    const [from = 0] = group;
    const sentence =
      group.length === 1 ? `Layer ${from} of ${count}` : `Layers ${from} to ${from + group.length - 1} of ${count}`;
    yield { sentence, done, total, partial: gathered(model, ready, massive, looks) };
    looks.push(
      ...(await step(`layers from ${from}`, () => lookAt(model, ready, group, massive, { ...settings, seed }))),
    );
    done = 1 + looks.length;
  }
  const known = gathered(model, ready, massive, looks);
  const sinks: MaskedRows = new Map(
    settings.layers.map((layer) => [layer, (looks[layer]?.sinks ?? []).map((at) => ready.seen.rows[at] ?? -1)]),
  );
  const anySink = [...sinks.values()].some((rows) => rows.length > 0);
  const masked = anySink ? yield* maskedRuns(model, job, ready, sinks, { done, total, known }) : {};
  done += runs;
  const measured = { ...known, ...masked };
  if (settings.tokens === 0) return measured;
  return yield* textsOf(model, job, ready, { massive, sinks, anySink }, { done, total, known: measured });
}

interface Standing {
  readonly done: number;
  readonly total: number;
  readonly known: VarResult;
}

async function* maskedRuns(
  model: ModelRunner,
  { step, seed }: Job,
  { sequence, variant, seen, settings, prompt }: PreparedVar,
  sinks: MaskedRows,
  { done, total, known }: Standing,
): AsyncGenerator<Step<VarResult>, Pick<VarResult, 'masked' | 'maskedRandom'>> {
  const rows = { behind: seen.behind, end: prompt.ids.length };
  const sentence = 'Sinks masked, and as many other tokens';
  yield { sentence, done, total, partial: known };
  const plain = await step('plain prediction', () => lastLogits(model, sequence, variant));
  const all: MaskedRows = new Map([...sinks.keys()].map((layer) => [layer, seen.rows]));
  const draws = Array.from({ length: settings.draws }, (_, draw) => draw);
  const list: readonly (readonly [string, MaskedRows])[] = [
    ['sinks', sinks],
    ...draws.map((draw) => [`random ${draw + 1}`, drawnRows(seen.rows, sinks, seed, draw)] as const),
    ['all', all],
  ];
  const made: MaskedRun[] = [];
  for (const [at, [name, own]] of list.entries()) {
    yield { sentence, done: done + 1 + at, total };
    made.push(
      await step(`masked: ${name}`, async () => {
        const changed = maskedFrom(variant, model.facts, own, rows);
        return maskedRun(model, { name, rows: own }, plain, await lastLogits(model, sequence, changed));
      }),
    );
  }
  const random = made.filter(({ name }) => name.startsWith('random')).map(({ divergence }) => divergence);
  return {
    masked: made,
    maskedRandom: {
      mean: mean(random),
      low: Math.min(...random),
      high: Math.max(...random),
      draws: random.length,
    },
  };
}

interface Found {
  readonly massive: Massive;
  readonly sinks: MaskedRows;
  readonly anySink: boolean;
}

async function* textsOf(
  model: ModelRunner,
  { step }: Job,
  ready: PreparedVar,
  { massive, sinks, anySink }: Found,
  { done, total, known }: Standing,
): AsyncGenerator<Step<VarResult>, VarResult> {
  const { sequence, variant, seen, settings, prompt } = ready;
  const { tokens, layers } = settings;
  const request = { sequence, image: seen.rows, layers, tokens };
  const changed = anySink ? await redistributed(model, ready, massive.dimensions) : undefined;
  let at = done;
  async function* read(name: string, start: () => Promise<AsyncGenerator<LookingToken>>) {
    const found: LookingToken[] = [];
    for await (const block of textBlocks(step, name, start)) {
      found.push(...block);
      yield { sentence: `${name}: token ${found.length} of at most ${tokens}`, done: at + found.length, total };
    }
    at += tokens;
    return found;
  }
  const plain = yield* read('Plain text', () => writtenText(model, { ...request, variant }));
  if (!changed) {
    const text = shown(model, plain);
    return { ...known, texts: [{ name: 'plain', text, words: plain.length, different: 0 }] };
  }
  const ids = plain.map(({ id }) => id);
  const after = yield* read('Plain text under redistribution', () =>
    followedText(model, { ...request, variant: changed }, ids),
  );
  const words = comparedTokens(model, plain, after);
  const over = (text: readonly LookingToken[]): readonly number[] =>
    seen.rows.map((_, place) => mean(text.map(({ looks }) => looks[place] ?? 0)));
  const compared = {
    ...known,
    words,
    before: over(plain),
    moved: over(after),
  };
  yield { sentence: 'Text with redistribution', done: at, total, partial: compared };
  const moved = yield* read('Text with redistribution', () => writtenText(model, { ...request, variant: changed }));
  const end = prompt.ids.length + tokens;
  const without = maskedFrom(variant, model.facts, sinks, { behind: seen.behind, end });
  const masked = yield* read('Text with masked sinks', () => writtenText(model, { ...request, variant: without }));
  const texts = [
    { name: 'plain', tokens: plain },
    { name: 'redistributed', tokens: moved },
    { name: 'sinks masked', tokens: masked },
  ].map(({ name, tokens: own }) => ({
    name,
    text: shown(model, own),
    words: own.length,
    different: own.filter(({ id }, place) => id !== plain[place]?.id).length,
  }));
  return { ...compared, texts };
}

const shown = (model: ModelRunner, tokens: readonly LookingToken[]): string => model.decode(tokens.map(({ id }) => id));

function comparedTokens(
  model: ModelRunner,
  plain: readonly LookingToken[],
  after: readonly LookingToken[],
): readonly ComparedToken[] {
  const pieces = new TextPieces((ids) => model.decode(ids));
  const best = model.pieces(after.map((token) => token.best));
  const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
  return plain.map(({ id, probability, looks }, at) => {
    const own = after[at];
    if (!own) throw new RangeError('the two texts have different lengths');
    return {
      ...{ id, text: pieces.next(id), probability },
      after: own.probability,
      instead: best[at] ?? '',
      changes: own.best !== id,
      seenBefore: sum(looks),
      seenAfter: sum(own.looks),
      ...(at < mostMaps ? { before: looks, moved: own.looks } : { before: [], moved: [] }),
    };
  });
}

function gathered(
  { facts }: ModelRunner,
  { prompt, settings, seen }: PreparedVar,
  { profile, dimensions }: Massive,
  looks: readonly LayerLook[],
): VarResult {
  const { tau, scaled, least, ratio, share, to, layers } = settings;
  const perLayer = (of: (look: LayerLook) => number): readonly number[] => looks.map(of);
  const perHead = (of: (head: LayerLook['heads'][number]) => number): readonly (readonly number[])[] =>
    facts.blocks.map(({ heads }, layer) =>
      Array.from({ length: heads }, (_, head) => {
        const found = looks[layer]?.heads[head];
        return found ? of(found) : Number.NaN;
      }),
    );
  const text = new Map<number, { phi: number; layers: number[] }>();
  looks.forEach(({ textSinks }, layer) => {
    for (const { position, phi } of textSinks) {
      const known = text.get(position) ?? { phi: 0, layers: [] };
      text.set(position, { phi: Math.max(known.phi, phi), layers: [...known.layers, layer] });
    }
  });
  return {
    width: facts.hiddenSize,
    ...{ tau, scaled, least, ratio, share, to, layers },
    tokens: prompt.tokens,
    seen: seen.rows,
    ...(seen.region ? { region: regionText(seen.region) } : {}),
    ...(prompt.image && !seen.region ? { image: prompt.image } : {}),
    first: seen.first,
    ...{ profile, dimensions },
    phi: looks.map(({ phi }) => phi),
    attention: looks.map(({ attention }) => attention),
    sinks: looks.map(({ sinks }) => sinks),
    textSinks: [...text]
      .sort(([a], [b]) => a - b)
      .map(([position, rest]) => ({ position, token: prompt.tokens[position] ?? '', ...rest })),
    counts: {
      visual: perLayer(({ sinks }) => sinks.length),
      text: perLayer(({ textSinks }) => textSinks.length),
      byAttention: perLayer(({ byAttention }) => byAttention.length),
      both: perLayer(({ both }) => both),
      overlap: perLayer((look) => look.overlap),
    },
    mass: {
      visual: perLayer(({ mass }) => mass.visual),
      text: perLayer(({ mass }) => mass.text),
      others: perLayer(({ mass }) => mass.others),
    },
    imageMass: perHead(({ imageMass }) => imageMass),
    besideSinks: perHead((head) => head.besideSinks),
    centric: perHead(({ centric }) => centric),
    onVisual: perHead(({ onVisual }) => onVisual),
    onText: perHead(({ onText }) => onText),
    contribution: {
      sinks: perLayer(({ contribution }) => contribution.sinks),
      random: perLayer(({ contribution }) => contribution.random),
      others: perLayer(({ contribution }) => contribution.others),
    },
  };
}
