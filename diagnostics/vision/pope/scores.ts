/** The scores of the answers of one split. */
import type { PopeAnswer, PopeReply, PopeSplitResult } from '../../../protocol/results/pope';
import { popeChange, popeFigures } from '../../shared/captions/pope-figures';

export function scored(split: PopeSplitResult['split'], all: readonly PopeAnswer[], both: boolean): PopeSplitResult {
  const answers = all.filter(({ splits }) => splits.includes(split));
  const read = (of: (answer: PopeAnswer) => PopeReply | undefined) =>
    answers.flatMap((answer) => {
      const { image, label } = answer;
      const reply = of(answer);
      return reply ? [{ image, label, readAs: reply.readAs, clear: reply.clear }] : [];
    });
  const plain = read((answer) => answer.plain);
  if (!both) return { split, plain: popeFigures(plain) };
  const reinforced = read((answer) => answer.reinforced);
  return {
    split,
    plain: popeFigures(plain),
    reinforced: popeFigures(reinforced),
    change: popeChange(plain, reinforced),
  };
}
