/** Two evaluations on the same prompts, e.g. of two plans: compared in pairs. */
import type { Section } from '../../../protocol/sections/section';
import { pairedProportions } from '../../shared/statistics/over-pictures';
import { meanInterval } from '../../shared/statistics/proportion';
import { cellOf } from '../../../protocol/sections/cell';
import { rowOf } from './finding';
import type { PlanEvaluationResult } from './result';
import * as build from '../../../protocol/sections/builders';

const compared = [
  ['plan', 'plan'],
  ['uniform', 'uniform plan'],
  ['full', 'full cache'],
] as const;

export function compare(a: PlanEvaluationResult, b: PlanEvaluationResult): readonly Section[] {
  const pairs = a.units.flatMap((first, at) => {
    const second = b.units[at];
    return second && second.name === first.name && second.length === first.length ? [{ first, second }] : [];
  });
  if (pairs.length === 0 || a.scored !== b.scored) {
    const paragraphs = ['The two results have no prompt in common: run both on the same task, seed and parameters.'];
    return [build.paragraphs('change', 'Change', paragraphs)];
  }
  const unit = a.scored === 'loss' ? 'nats a token' : '';
  const rows = compared.flatMap(([kind, words]) => {
    const [one, other] = [a, b].map((result) => ({
      row: rowOf(result, kind),
      at: result.rows.findIndex((row) => row.kind === kind),
    }));
    if (!one?.row || !other?.row) return [];
    const changes = pairs.map(
      ({ first, second }) => (second.scores[other.at] ?? Number.NaN) - (first.scores[one.at] ?? Number.NaN),
    );
    const { change, low, high } = changeOf(changes, a.scored);
    return [[words, one.row.share, other.row.share, cellOf(change), cellOf(low), cellOf(high)]];
  });
  return [
    build.cellTable(
      'change',
      'Change',
      `This result less the other, of ${pairs.length} prompts that both have. 95 % intervals of paired differences: ${a.scored === 'accuracy' ? 'the score interval of paired proportions (Tango 1998)' : 'Student’s t'}.`,
      [
        build.text('plan', 'plan'),
        build.number('first', 'other keeps', 'bytes of the other plan / of the full cache'),
        build.number('second', 'this keeps', 'bytes of this plan / of the full cache'),
        build.number('change', 'change', `${a.scored} of this result less that of the other`, unit),
        build.number('low', 'low', 'lower end of the 95 % interval', unit),
        build.number('high', 'high', 'upper end of the 95 % interval', unit),
      ],
      rows,
    ),
  ];
}

function changeOf(changes: readonly number[], scored: PlanEvaluationResult['scored']) {
  if (scored === 'loss') {
    const { mean: change, low, high } = meanInterval(changes);
    return { change, low, high };
  }
  const more = changes.filter((each) => each > 0).length;
  const fewer = changes.filter((each) => each < 0).length;
  const { difference: change, low, high } = pairedProportions(changes.length, more, fewer);
  return { change, low, high };
}
