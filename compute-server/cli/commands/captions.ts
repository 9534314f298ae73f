/** headscope captions: a folder of images with their truth, captioned plainly and with reinforced heads, and scored. */
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { captionsOfAnalysis } from '../../../protocol/compute/captions-of-analysis';
import type { Part } from '../../../protocol/analysis/schema';
import type { CaptionSetScore, HallucinationSet } from '../../../protocol/results/hallucination-schema';
import { unknownLabels } from '../../../protocol/results/unknown-labels';
import { readLexicon } from '../caption-files';
import { exitCodes, wrongUsage } from '../exit-codes';
import { changeTable } from '../change-table';
import { addPromptOptions, environmentOf, promptFrom, type PromptOptions } from '../model-options';
import { sayChatPrompt } from '../model-provenance';
import { decimal, list, partOption, whole } from '../options';
import { jsonOption } from '../output-options';
import {
  addSampleOptions,
  picturesFrom,
  sampleFrom,
  samplesOf,
  saySample,
  type SampleOptions,
} from '../picture-folder';
import { controlName, controls, layersOf } from '../reinforcement-options';
import { analysed } from '../analysis-run';
import { interventionsFrom } from '../intervention-options';
import { addSpanOptions, type SpanOptions } from '../span-options';
import { textTable } from '../table';
import type { Registration } from '../registration';

interface CaptionsOptions extends PromptOptions, SpanOptions, SampleOptions {
  readonly images: string;
  readonly truth: string;
  readonly references?: string;
  readonly lexicon?: string;
  readonly maxNewTokens: number;
  readonly alpha: readonly number[];
  readonly vhrLayers: 'auto' | readonly number[];
  readonly vhrControl: readonly (typeof controls)[number][];
  readonly resume?: string;
  readonly part?: Part;
  readonly json?: string;
}

export const captions: Registration = (program, session) => {
  addSampleOptions(
    addSpanOptions(
      addPromptOptions(
        program
          .command('captions')
          .description(
            'Caption a folder of images plainly and with reinforced heads: CHAIR, recall, length, T-VHD by truth.',
          )
          .argument('<model>', 'a vision-language model folder'),
      ),
    ),
    ' and of the random heads',
  )
    .requiredOption('--images <folder>', 'folder of PNG and JPEG files')
    .requiredOption('--truth <file>', 'JSON: {"image": ["object", …]} or [{image, objects, captions}]')
    .option('--references <file>', 'captions by people, whose objects count as true')
    .option('--lexicon <file>', 'classes and synonyms (default: the 80 of COCO)')
    .option('--max-new-tokens <n>', 'tokens of a caption at most', whole(1, 1 << 16), 64)
    .option('--alpha <a,b>', 'factors to reinforce with, separated by commas; each makes a caption', list(factor), [])
    .option(
      '--vhr-layers <layers>',
      'auto (the second and the last 14 of 32), or layers such as 1,18-31',
      layersOf,
      'auto',
    )
    .option('--vhr-control <names>', `controls beside each factor: ${controls.join(', ')}`, list(control), [])
    .option('--resume <folder>', 'keep finished steps in this folder, and continue after those that are in it already')
    .addOption(partOption())
    .addOption(jsonOption())
    .action(async (model: string, options: CaptionsOptions) => {
      const refused = [...(options.span ? ['--span'] : []), ...(options.image === undefined ? [] : ['--image'])];
      if (refused[0] !== undefined) {
        throw wrongUsage(`${refused[0]} does not belong to a folder of images. Leave it out.`);
      }
      const lexicon = await readLexicon(options.lexicon);
      const images = await picturesFrom(options);
      const { distance, outliers, positions, maxNewTokens } = options;
      const client = session.compute(environmentOf(options));
      const folder = resolve(model);
      const prompt = await promptFrom(options);
      const placed = await client.call('promptForPictures', [folder, prompt], { signal: session.signal });
      sayChatPrompt(session, placed);
      const time = {
        folder,
        prompt,
        maxNewTokens,
        reinforced: options.alpha.length * (1 + options.vhrControl.length),
        measured: true,
      };
      await saySample(session, client, options, images, time);
      const sample = sampleFrom(options);
      const interventions = await interventionsFrom(options, () =>
        client.call('openModel', [folder], { signal: session.signal }),
      );
      const { limit = 0, seed, vhrLayers, alpha, vhrControl } = options;
      const analysis = await analysed(session, client, {
        analysis: 'divergence-set',
        folder,
        input: {
          kind: 'image-set',
          folder: resolve(options.images),
          prompt,
          samples: samplesOf(options),
        },
        parameters: {
          truth: resolve(options.truth),
          references: options.references === undefined ? '' : resolve(options.references),
          lexicon: options.lexicon === undefined ? '' : resolve(options.lexicon),
          distance,
          outliers,
          positions,
          tokens: maxNewTokens,
          captions: alpha.length === 0 ? 'plain' : 'reinforced',
          factors: alpha.join(),
          controls: alpha.length === 0 ? '' : vhrControl.join(),
          layers: vhrLayers === 'auto' ? 'auto' : vhrLayers.join(),
          first: limit,
        },
        interventions,
        seed,
        ...(options.resume === undefined ? {} : { keepIn: resolve(options.resume) }),
        ...(options.part === undefined ? {} : { part: options.part }),
      });
      const result = captionsOfAnalysis(analysis, {
        ...(lexicon ? { lexicon } : {}),
        ...(placed.chatPrompt ? { chatPrompt: placed.chatPrompt } : {}),
        drawn: sample !== undefined,
      });
      for (const { name, why } of result.failures) session.note(`${name}: ${why}`);
      if (options.json !== '-') session.print(words(result));
      if (options.json !== undefined) await session.writeJson(options.json, result);
      if (result.state === 'cancelled') {
        session.exitCode = exitCodes.cancelled;
        session.note(
          `Stopped after ${result.entries.length} of ${result.total} images; run the same command again to continue.`,
        );
      } else if (result.entries.length === 0 && !options.part) {
        session.exitCode = exitCodes.failed;
        session.note('No image was captioned. The lines above say why, image by image.');
      }
    });
};

function factor(text: string): number {
  const value = decimal(text);
  if (!Number.isFinite(value)) {
    throw new InvalidArgumentError('It takes finite numbers separated by commas; 1 changes nothing, 2 is the paper’s.');
  }
  return value;
}

function control(text: string): (typeof controls)[number] {
  const known = controls.find((name) => name === text);
  if (known === undefined) throw new InvalidArgumentError(`It takes ${controls.join(', ')}, separated by commas.`);
  return known;
}

function words({ plain, variants, separation, entries, failures, truthLabels, sample }: HallucinationSet): string {
  const percent = (share: number | null): string => (share === null ? '–' : (100 * share).toFixed(1));
  const row = (name: string, heads: string, score: CaptionSetScore): string[] => [
    name,
    heads,
    percent(score.chairS),
    percent(score.chairI),
    percent(score.recall),
    score.length?.toFixed(1) ?? '–',
  ];
  const table = textTable(
    ['alpha', 'heads', 'CHAIR_S %', 'CHAIR_I %', 'recall %', 'words'],
    [
      row('1', 'plain', plain),
      ...variants.map(({ reinforcement, score }) =>
        row(String(reinforcement.alpha), controlName(reinforcement), score),
      ),
    ],
    [0, 2, 3, 4, 5],
  );
  const { auroc, hallucinated, truthful } = separation;
  const apart = `T-VHD separates hallucinated (${hallucinated.length}) from true (${truthful.length}) object words: AUROC ${auroc?.toFixed(3) ?? '–'}`;
  const failed = failures.length === 0 ? '' : `\n${failures.length} images could not be read.`;
  const cut = [plain, ...variants.map(({ score }) => score)].reduce((sum, { unfinished = 0 }) => sum + unfinished, 0);
  const all = entries.length * (1 + variants.length);
  const unfinished =
    cut === 0
      ? ''
      : `\n${cut} of ${all} captions stopped at the token limit, unfinished (--max-new-tokens): what they might have named later is not scored.`;
  const unscored = truthLabels && unknownLabels(truthLabels);
  const changed = changeTable(variants);
  const drawn = sample && sample.count < sample.of ? ` of ${sample.of}, drawn by seed ${sample.seed}` : '';
  return `${table}${changed}\n\n${apart}\n${entries.length} images${drawn}${failed}${unfinished}${unscored === undefined ? '' : `\n${unscored}`}`;
}
