/** What prompts give, put together: ranks along the stream, effects of heads, the heads and layers that are looked at. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { effectOf, isBeyondChance, type PathMeasured } from '../../shared/circuits/effects';
import { readingHeads } from '../../shared/effects/parts';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Answered } from './correction';
import { relativeChange } from './head-effects';
import type { Fact, Facts } from './prompts';
import { spreadOf, type StreamRanks } from './ranks';
import type { Reading } from './reading';
import { meanOf } from './regression';
import type { FactRow, RankCurve, RecallResult } from './result';
import { mean } from '../../../kernels/tensors/vectors';

export function ranksOf(
  { all }: Facts,
  ranks: readonly (StreamRanks & Answered)[],
): Pick<RecallResult, 'facts' | 'topicRank' | 'answerRank' | 'candidateRank'> {
  const curve = (of: (one: StreamRanks) => readonly number[]): RankCurve => {
    const spreads = (ranks[0] ? of(ranks[0]) : []).map((_, at) =>
      spreadOf(ranks.map((one) => of(one)[at] ?? Number.NaN)),
    );
    return {
      median: spreads.map(({ median }) => median),
      low: spreads.map(({ low }) => low),
      high: spreads.map(({ high }) => high),
    };
  };
  const byFact = new Map<string, { readonly fact: Fact; readonly own: (StreamRanks & Answered)[] }>();
  all.forEach((fact, at) => {
    const key = JSON.stringify([fact.words.topic, fact.answer]);
    const known = byFact.get(key) ?? { fact, own: [] };
    const one = ranks[at];
    if (one) known.own.push(one);
    byFact.set(key, known);
  });
  return {
    facts: [...byFact.values()].map(({ fact, own }): FactRow => ({
      topic: fact.words.topic,
      answer: fact.words.answer,
      prompts: own.length,
      probability: mean(own.map(({ probability }) => probability)),
      rank: mean(own.map(({ answer }) => answer.at(-1) ?? Number.NaN)),
      among: mean(own.map(({ candidate }) => candidate.at(-1) ?? Number.NaN)),
    })),
    topicRank: curve(({ topic }) => topic),
    answerRank: curve(({ answer }) => answer),
    candidateRank: curve(({ candidate }) => candidate),
  };
}

export const meanToTopic = (
  { facts }: ModelRunner,
  readings: readonly Reading[],
): NonNullable<RecallResult['toTopic']> =>
  facts.blocks.map(({ heads }, layer) =>
    Array.from({ length: heads }, (_, head) =>
      mean(readings.map(({ toTopic }) => toTopic[layer]?.[head] ?? Number.NaN)),
    ),
  );

/** The stream before an MLP and its output against the stream behind it. */
export function streamCheck(readings: readonly Reading[]): Pick<RecallResult, 'check'> {
  let error = 0;
  for (const { streams, attentionOutputs, networkOutputs, added = [], replacedBehind = -1 } of readings) {
    for (const [layer, network] of networkOutputs.entries()) {
      const out = streams[layer + 1];
      if (!out || layer <= replacedBehind) continue;
      const largestOut = out.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
      out.forEach((value, i) => {
        const written = (attentionOutputs[layer]?.[i] ?? 0) + (network[i] ?? 0) + (added[layer]?.[i] ?? 0);
        const sum = (streams[layer]?.[i] ?? 0) + written;
        error = Math.max(error, Math.abs(value - sum) / largestOut);
      });
    }
  }
  return { check: { heads: 0, stream: error, logit: 0 } };
}

export const meanOutputs = (outputs: readonly (readonly Float32Array[])[]): readonly Float32Array[] =>
  (outputs[0] ?? []).map((_, layer) => Float32Array.from(meanOf(outputs.flatMap((one) => one[layer] ?? []))));

export function headsFound(
  { facts }: ModelRunner,
  measured: readonly PathMeasured[],
  threshold: number,
): Pick<RecallResult, 'heads' | 'movers'> {
  const heads = readingHeads(facts.blocks);
  const table = <T>(of: (at: number) => T): readonly (readonly T[])[] =>
    facts.blocks.map((block, layer) =>
      Array.from({ length: block.heads }, (_, head) =>
        of(heads.findIndex((place) => place.layer === layer && place.head === head)),
      ),
    );
  const effects = heads.map((_, at) => effectOf(measured, at));
  const beyond = heads.map((_, at) => isBeyondChance(measured, at, heads.length));
  return {
    heads: {
      effect: table((at) => effects[at]?.mean ?? Number.NaN),
      low: table((at) => effects[at]?.low ?? Number.NaN),
      high: table((at) => effects[at]?.high ?? Number.NaN),
      ...(beyond.every((one) => one !== undefined) ? { beyondChance: table((at) => beyond[at] ?? false) } : {}),
      relative: table((at) => relativeChange(measured, at)),
      prompts: measured.length,
    },
    movers: heads.filter((_, at) => (effects[at]?.mean ?? 0) >= threshold && beyond[at] !== false),
  };
}

/** Heads by the size of their effect, largest first. */
export function byEffect({ facts }: ModelRunner, { heads }: RecallResult): readonly HeadPlace[] {
  const size = ({ layer, head }: HeadPlace): number => Math.abs(heads?.effect[layer]?.[head] ?? 0) || 0;
  return [...readingHeads(facts.blocks)].sort((a, b) => size(b) - size(a));
}

/** The heads of the regressions and the layers whose MLPs are explained: from the first mover on. */
export function windowOf(
  model: ModelRunner,
  given: readonly HeadPlace[],
  result: RecallResult,
): { readonly heads: readonly HeadPlace[]; readonly layers: readonly number[] } {
  const { blocks } = model.facts;
  const { movers = [] } = result;
  const start = (given.length > 0 ? given : movers.length > 0 ? movers : byEffect(model, result).slice(0, 1)).map(
    ({ layer }) => layer,
  );
  const first = Math.min(...start);
  return {
    heads: given.length > 0 ? given : readingHeads(blocks).filter(({ layer }) => layer >= first),
    layers: [...blocks.keys()].filter((layer) => layer >= first),
  };
}
