/** What Look begins with where it is asked for elsewhere: what stands in the workbench, as far as it fits, else what comes with the extension. */
import { lookedAt, type LookAnalysis } from '../../../protocol/analysis/look';
import type { Demos } from '../../../protocol/analysis/next-start';
import type { AnalysisInput, AnalysisSetup } from '../../../protocol/analysis/schema';
import { defined } from '../../platform/defined';
import { demoPrompt, demoVisionPrompt } from '../../../protocol/inputs/demo-prompt';

/** What a link, a menu or a tree names; absent: what stands in the workbench. */
interface Named {
  readonly folder?: string | undefined;
  /** Text of the prompt. */
  readonly text?: string | undefined;
}

type Prompt = Extract<AnalysisInput, { readonly kind: 'prompt' }>['prompt'];

const promptOf = ({ input }: AnalysisSetup): Prompt | undefined => (input.kind === 'prompt' ? input.prompt : undefined);

function startOf(before: AnalysisSetup, analysis: LookAnalysis, folder: string, prompt: Prompt): AnalysisSetup {
  // Heads of another model are other heads.
  const { adapter, interventions, ...rest } = before;
  const ofModel = folder === before.folder ? { ...defined({ adapter }), interventions } : { interventions: [] };
  return { ...rest, ...ofModel, analysis, folder, input: { kind: 'prompt', prompt }, parameters: {} };
}

/** The heads of a prompt of text. `encoder`: the model that is named reads a picture alone. */
export function headsStart(
  before: AnalysisSetup,
  demos: Demos,
  { folder, text, encoder = false }: Named & { readonly encoder?: boolean },
): AnalysisSetup {
  const { prompt: stands } = lookedAt(before.input);
  const standing = stands === 'text-with-picture' ? undefined : promptOf(before);
  if (text !== undefined) return startOf(before, 'heads', folder ?? textModel(before, demos), { kind: 'text', text });
  if (folder === undefined) {
    return standing !== undefined && before.folder !== ''
      ? startOf(before, 'heads', before.folder, standing)
      : startOf(before, 'heads', textModel(before, demos), textOf(before));
  }
  const fits = standing !== undefined && (stands === 'picture') === encoder;
  const picture: Prompt = { kind: 'image', image: demos.vision.image };
  return startOf(before, 'heads', folder, fits ? standing : encoder ? picture : textOf(before));
}

/** The model that stands there; not a demo that comes with pictures. */
function textModel({ folder }: AnalysisSetup, { text, vision, encoder }: Demos): string {
  return ['', vision.folder, encoder?.folder].includes(folder) ? text : folder;
}

/** What was typed before is worth more than the prompt of the demo, but a prompt that has a place for a picture. */
function textOf(before: AnalysisSetup): Prompt {
  const { input } = before;
  const { prompt: stands } = lookedAt(input);
  const given = 'prompt' in input && stands === 'text' && input.prompt.kind === 'text' ? input.prompt.text : '';
  return { kind: 'text', text: given === '' ? demoPrompt : given };
}

/** The heads that look at the picture of a prompt. `sees`: the model that stands in the workbench reads pictures within a text. */
export function pictureStart(
  before: AnalysisSetup,
  demos: Demos,
  { folder, text, image, sees }: Named & { readonly image?: string | undefined; readonly sees: boolean },
): AnalysisSetup {
  const { vision } = demos;
  const { input } = before;
  const standing =
    'prompt' in input && lookedAt(input).prompt === 'text-with-picture' && input.prompt.kind !== 'image'
      ? input.prompt
      : undefined;
  const model = folder ?? (sees ? before.folder : vision.folder);
  const picture = image ?? standing?.image ?? vision.image;
  const prompt: Prompt =
    text === undefined && standing !== undefined
      ? { ...standing, image: picture }
      : { kind: 'text', text: text ?? demoVisionPrompt, image: picture };
  return startOf(before, 'divergence', model, prompt);
}
