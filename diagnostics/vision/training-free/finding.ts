/** The finding of the analysis `training-free`. */
import { isMoreThanNoise, pointsOf } from '../../../protocol/results/share-change';
import type { ShareChange } from '../../../protocol/results/hallucination-schema';
import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import type { Changes, TrainingFreeResult } from './result';

type Named = { readonly title: string; readonly changes: Changes };

const lower = (change: ShareChange | null): change is ShareChange =>
  change !== null && isMoreThanNoise(change) && change.difference < 0;

export function finding({
  methods = [],
  rows = [],
  entries = [],
  failures = [],
  total,
}: Partial<TrainingFreeResult>): string {
  const [failed] = failures;
  if (failed && failures.length === total) return `No picture could be captioned. ${failed.name}: ${failed.why}`;
  const [plain, ...others] = rows;
  if (!plain || entries.length === 0) return 'No picture has been captioned yet.';
  const of = total !== undefined && total > entries.length ? ` of ${total}` : '';
  const pictures = `${entries.length}${of} ${(total ?? entries.length) === 1 ? 'picture' : 'pictures'}`;
  const { chairS } = plain.score;
  const share = chairS === null ? '' : `: ${percent(chairS)} of the plain captions name an object that is not there`;
  const compared = others.flatMap(({ method, changes }): Named[] => {
    const title = methods.find(({ id }) => id === method)?.title ?? method;
    return changes ? [{ title, changes }] : [];
  });
  if (compared.length === 0) return `${pictures}${share}.`;
  const better = compared.filter(({ changes }) => lower(changes.chairS));
  if (better.length === 0) {
    const which =
      compared.length === 1
        ? `${compared[0]?.title} does not lower`
        : `none of the ${compared.length} other methods lowers`;
    return `${pictures}${share}; ${which} that share by more than noise.${raised(compared)}`;
  }
  const named = better.map(({ title, changes }) => `${title} ${changes.chairS ? pointsOf(changes.chairS) : ''}`);
  return [
    `${pictures}${share}.`,
    `Of ${counted(compared.length, 'other method', 'other methods')}, ${better.length} ${better.length === 1 ? 'lowers' : 'lower'} that share by more than noise (percentage points, 95 %): ${named.join(', ')}.`,
    ...caution(better),
  ]
    .join(' ')
    .concat(raised(compared));
}

/** Those that make it worse. */
function raised(compared: readonly Named[]): string {
  const worse = compared.flatMap(({ title, changes: { chairS } }) =>
    chairS && isMoreThanNoise(chairS) && chairS.difference > 0 ? [`${title} ${pointsOf(chairS)}`] : [],
  );
  return worse.length === 0 ? '' : ` Raised by more than noise: ${worse.join(', ')}.`;
}

/** A caption that says less is wrong less often. */
function caution(better: readonly Named[]): readonly string[] {
  return better.flatMap(({ title, changes }) => {
    const { chairSAtLength } = changes;
    const length = lower(changes.length) ? changes.length : undefined;
    const recall = lower(changes.recall) ? changes.recall : undefined;
    if (!length && !recall) return [];
    const less = [
      ...(length ? [`writes ${threeDigits(-length.difference)} words less`] : []),
      ...(recall ? [`names ${threeDigits(-100 * recall.difference)} percentage points fewer of the objects`] : []),
    ];
    const equal =
      length && chairSAtLength
        ? ` For captions of equal length, the change is ${pointsOf(chairSAtLength)}${isMoreThanNoise(chairSAtLength) ? '' : ', no more than noise'}.`
        : '';
    return [`${title} ${less.join(' and ')}, and a caption that says less is wrong less often.${equal}`];
  });
}
