/** headscope vhd: which heads read the image, or another span, and which generated words lean on it. */
import { resolve } from 'node:path';
import type { Caption, HallucinationResult, ImageSinks } from '../../../protocol/results/hallucination-schema';
import { unknownLabels } from '../../../protocol/results/unknown-labels';
import { vhdOfAnalysis } from '../../../protocol/compute/vhd-of-analysis';
import { refusal } from '../../../protocol/wire/failures';
import { readsTextAlone } from '../../../diagnostics/shared/divergence/reinforcement';
import { requireAnywhere } from '../../../diagnostics/shared/divergence/both-passes';
import { analysed } from '../analysis-run';
import { readLexicon } from '../caption-files';
import { wrongUsage } from '../exit-codes';
import { interventionsFrom } from '../intervention-options';
import { sayChatPrompt } from '../model-provenance';
import { addPromptOptions, environmentOf, promptFrom, type PromptOptions } from '../model-options';
import { list, whole, word } from '../options';
import { jsonOption } from '../output-options';
import { addSpanOptions, removedFrom, type SpanOptions } from '../span-options';
import { textTable } from '../table';
import { changesFrom, mapOf, mapOption, otherResult, type MapOption } from '../vhd-maps';
import type { Registration } from '../registration';

interface VhdOptions extends PromptOptions, SpanOptions {
  readonly steps: number;
  readonly k?: number;
  readonly truth?: readonly string[];
  readonly lexicon?: string;
  readonly allSteps?: boolean;
  readonly map?: MapOption;
  readonly compare?: string;
  readonly json?: string;
}

/** Heads listed without --json. */
const listed = 10;

export const vhd: Registration = (program, session) => {
  addSpanOptions(
    addPromptOptions(
      program
        .command('vhd')
        .description(
          'Vision-aware head divergence: heads whose output changes without the image, and T-VHD of each token.',
        )
        .argument('<model>', 'a model folder or a .gguf file'),
    ),
  )
    .option('--steps <n>', 'tokens to generate at most', whole(1, 1 << 16), 32)
    .option('--k <n>', 'heads of each layer that T-VHD adds up (default: an eighth of them)', whole(1, 1 << 16))
    .option(
      '--truth <objects>',
      'objects in the image, separated by commas: words of the caption are judged',
      list(word),
    )
    .option('--lexicon <file>', 'classes and synonyms (default: the 80 of COCO)')
    .option('--all-steps', 'the tables of every step, not of the first alone')
    .option(
      '--map <heads>',
      'with --json: what the first token reads of each image token, or token of the span, by heads such as 2.5,3.1, or selected',
      mapOption,
    )
    .option('--compare <file>', 'a result of this command: the change of the VHD of every head from it')
    .addOption(jsonOption())
    .action(async (model: string, options: VhdOptions) => {
      const client = session.compute(environmentOf(options));
      const folder = resolve(model);
      const prompt = await promptFrom(options);
      const removed = await removedFrom(options.span, client, folder, prompt, session.signal);
      const open = () => client.call('openModel', [folder], { signal: session.signal });
      // Said before the picture is read, which such a model refuses in other words.
      if (removed.kind === 'image' && !(await open()).vision) throw refusal(readsTextAlone);
      const interventions = await interventionsFrom(options, open);
      // What is wrong with it is said before the model is read.
      await readLexicon(options.lexicon);
      const { distance, outliers, positions, steps, k, truth } = options;
      if (options.map !== undefined && options.json === undefined)
        throw wrongUsage('--map goes into the file of --json. Name one, e.g. --json -.');
      const there = options.compare === undefined ? undefined : await otherResult(options.compare);
      requireAnywhere(interventions);
      const analysis = await analysed(session, client, {
        analysis: 'divergence',
        folder,
        input: { kind: 'prompt', prompt },
        parameters: {
          removed: removed.kind,
          ...(removed.kind === 'span' ? { start: removed.start, end: removed.end } : {}),
          distance,
          outliers,
          positions,
          k: k ?? 0,
          tokens: steps,
          objects: truth?.join() ?? '',
          lexicon: options.lexicon === undefined ? '' : resolve(options.lexicon),
          allSteps: options.allSteps ?? false,
        },
        interventions,
        seed: 0,
      });
      const result = vhdOfAnalysis(analysis);
      sayChatPrompt(session, result);
      const { caption } = result;
      const changes = there && changesFrom(options.compare ?? '', result, there);
      if (options.json !== '-') session.print([words(result), ...(changes ? [changes.words] : [])].join('\n\n'));
      if (options.json === undefined) return;
      const map = options.map && (await mapOf(client, analysis, result, options.map, session.signal));
      const settings = { ...result.settings, distance, outliers, positions, steps, removed };
      // The whole result, which the panel opens, and the fields of the caption by the names that scripts read.
      await session.writeJson(options.json, {
        ...result,
        settings,
        text: caption.text,
        tokens: caption.tokens,
        ...(caption.stoppedAt === undefined ? {} : { stoppedAt: caption.stoppedAt }),
        mentions: caption.mentions,
        ...(caption.score ? { score: caption.score } : {}),
        ...map,
        ...changes?.data,
      });
    });
};

const stopWords = ({ stoppedAt }: Caption): string | undefined =>
  stoppedAt === undefined ? undefined : `Stopped at ${stoppedAt} tokens, before the text had ended (raise --steps).`;

/** What is not to be read as a look at the picture. */
function sinkWords({ notApplicable, tokens }: ImageSinks): string {
  if (notApplicable !== undefined) return notApplicable;
  if (tokens.length === 0) return 'No image token is an attention sink.';
  const listed = tokens.map(({ token }) => token).join(', ');
  return `Attention sinks among the image tokens, which draw attention whatever the text says: ${listed}.`;
}

/** The heads that diverge most, and the text. */
function words({
  caption,
  vhd: divergences,
  outlier,
  selected,
  textEnergy,
  truthLabels,
  sinks,
}: HallucinationResult): string {
  const heads = divergences.flatMap((row, layer) => row.map((value, head) => ({ layer, head, value })));
  heads.sort((a, b) => b.value - a.value);
  const rows = heads
    .slice(0, listed)
    .map(({ layer, head, value }) => [
      String(layer),
      String(head),
      value.toPrecision(3),
      (textEnergy[layer]?.[head] ?? Number.NaN).toPrecision(3),
      outlier[layer]?.[head] ? 'outlier' : selected[layer]?.[head] ? 'selected' : '',
    ]);
  const notes = [stopWords(caption), sinks && sinkWords(sinks), truthLabels && unknownLabels(truthLabels)].filter(
    (note) => note !== undefined,
  );
  const table = textTable(['layer', 'head', 'VHD', 'text energy', ''], rows, [0, 1, 2, 3]);
  return [table, caption.text, ...(notes.length === 0 ? [] : [notes.join('\n')])].join('\n\n');
}
