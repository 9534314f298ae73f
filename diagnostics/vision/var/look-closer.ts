/** Where a head, or all heads at a token of the text, look in the picture, without and with redistribution. */
import { headName } from '../../../protocol/schema/written-form';
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import { quotedToken } from '../../../protocol/wire/token-name';
import type { AnalysisJob } from '../../analysis';
import { spanMap } from '../../shared/divergence/span-map';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { VarParameters } from './parameters';
import { mostMaps, type VarResult } from './result';
import { prepared, redistributed } from './run';
import { overSeen, sectionIds, whatIsSeen } from './section-parts';
import * as build from '../../../protocol/sections/builders';

export async function lookCloser(
  model: ModelRunner,
  job: AnalysisJob<VarParameters>,
  result: VarResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  if (section === sectionIds.words && place.kind === 'token') {
    const token = result.words?.[place.token];
    if (!token) throw refusal(`The text has ${result.words?.length ?? 0} tokens, from 0.`);
    if (place.token >= mostMaps) throw refusal(`Maps are kept of the first ${mostMaps} tokens. Ask about one of them.`);
    const title = `Where the model looks at token ${place.token} (${quotedToken(token.text)})`;
    return maps(result, `${section}-${place.token}`, title, token.before, token.moved);
  }
  if (section === sectionIds.heads && place.kind === 'head') {
    const { layer, head } = place;
    if (head >= (model.facts.blocks[layer]?.heads ?? 0)) throw refusal(`The model has no head ${headName(place)}.`);
    const ready = prepared(model, job);
    const { sequence, seen, variant } = ready;
    const request = { sequence, rows: seen.rows, heads: [{ layer, head }] };
    const before = [...(await spanMap(model, { ...request, variant }))];
    const changed = await redistributed(model, ready, result.dimensions);
    const after = changed ? [...(await spanMap(model, { ...request, variant: changed }))] : before;
    const title = `Where ${headName(place)} looks in the last row of the prompt`;
    return maps(result, `${section}-L${layer}H${head}`, title, before, after);
  }
  throw refusal(`${section} cannot be asked about a ${place.kind}.`);
}

function maps(
  result: VarResult,
  id: string,
  title: string,
  before: readonly number[],
  after: readonly number[],
): Section {
  const what = `attention of the query on the token of the ${whatIsSeen(result)}`;
  const scale = { kind: 'sequential', min: 0, max: Math.max(...before, ...after) } as const;
  const number = { unit: '', scale };
  return overSeen(result, { id, title }, [
    { name: 'before', title: 'Before', ...number, definition: what, values: before },
    { name: 'after', title: 'After', ...number, definition: `${what}, redistributed`, values: after },
    build.signed(
      'change',
      'Change',
      'after less before',
      after.map((value, at) => value - (before[at] ?? 0)),
    ),
  ]);
}
