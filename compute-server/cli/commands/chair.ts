/** headscope chair: how often captions name objects that the image lacks. */
import { percent } from '../../../protocol/wire/number-words';
import {
  chairScores,
  countLabels,
  judgeCaption,
  trueObjects,
  type ImageTruth,
} from '../../../diagnostics/shared/captions/chair';
import { unknownLabels } from '../../../protocol/results/unknown-labels';
import { finderOf } from '../../../diagnostics/shared/captions/caption';
import { withReferences } from '../../../protocol/inputs/truth';
import { readCaptions, readLexicon, readTruth } from '../caption-files';
import { wrongUsage } from '../exit-codes';
import { provenance } from '../../provenance';
import { jsonOption } from '../output-options';
import type { Registration } from '../registration';

interface ChairOptions {
  readonly captions: string;
  readonly truth: string;
  readonly references?: string;
  readonly lexicon?: string;
  readonly json?: string;
}

export const chair: Registration = (program, session) => {
  program
    .command('chair')
    .description('CHAIR of captions: objects named that the image lacks, with recall and length beside it.')
    .requiredOption('--captions <file>', 'JSON: {"image": "caption"} or [{image, caption}]')
    .requiredOption('--truth <file>', 'JSON: {"image": ["object", …]} or [{image, objects, captions}]')
    .option('--references <file>', 'captions by people, whose objects count as true: JSON like --captions')
    .option(
      '--lexicon <file>',
      'classes and synonyms: JSON {"class": ["synonym"]} or lines "class, synonym" (default: the 80 of COCO)',
    )
    .addOption(jsonOption())
    .action(async (options: ChairOptions) => {
      const finder = finderOf(await readLexicon(options.lexicon));
      const captions = await readCaptions(options.captions);
      const references = options.references === undefined ? [] : await readCaptions(options.references);
      const truth = withReferences(await readTruth(options.truth), references);
      const unknown = captions.filter(({ image }) => !truth.has(image));
      const [first] = unknown;
      if (first) {
        throw wrongUsage(
          `${unknown.length} of ${captions.length} captions have no truth, the first is "${first.image}". Add it to ${options.truth}, or leave the caption out.`,
        );
      }
      const truthOf = (image: string): ImageTruth => truth.get(image) ?? { objects: [] };
      const judged = captions.map(({ image, caption }) =>
        judgeCaption(finder, caption, trueObjects(finder, truthOf(image))),
      );
      const scores = chairScores(judged);
      const scored = [...new Set(captions.map(({ image }) => image))];
      const truthLabels = countLabels(finder, scored.map(truthOf));
      if (options.json !== '-') {
        const shareOf = (share: number | null): string => (share === null ? '–' : percent(share));
        session.print(
          `CHAIR_S ${shareOf(scores.chairS)}  CHAIR_I ${shareOf(scores.chairI)}  recall ${shareOf(scores.recall)}  ` +
            `${scores.length?.toFixed(1) ?? '–'} words per caption  (${scores.captions} captions, ${scores.mentions} mentions)`,
        );
        const unscored = unknownLabels(truthLabels);
        if (unscored !== undefined) session.print(unscored);
      }
      if (options.json === undefined) return;
      await session.writeJson(options.json, {
        ...(await provenance({
          captions: options.captions,
          truth: options.truth,
          references: options.references ?? null,
          lexicon: options.lexicon ?? 'coco',
        })),
        ...scores,
        truthLabels,
        perCaption: judged.map(({ mentions, truth: objects, words }, at) => ({
          image: captions[at]?.image,
          caption: captions[at]?.caption,
          words,
          truth: [...objects],
          mentions,
        })),
      });
    });
};
