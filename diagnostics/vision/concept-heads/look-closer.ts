/** One head by its texts and pictures, or one text in the picture nearest to it. */
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { AnalysisJob } from '../../analysis';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { ConceptParameters } from './parameters';
import type { ConceptHeadsResult } from './result';
import { jointOf, mapOf, weightsOf } from './run';
import { headSection, mapSection } from './sections';

export async function lookCloser(
  model: ModelRunner,
  { parameters }: AnalysisJob<ConceptParameters>,
  result: ConceptHeadsResult,
  { place }: SectionQuestion,
): Promise<Section> {
  if (place.kind === 'head') return headSection(result, place.layer, place.head);
  const concept = place.kind === 'row' ? result.concepts[place.row] : undefined;
  if (!concept) throw refusal('A head or a text can be asked about.');
  const { text, nearest, heads } = concept;
  const { files } = await model.pictures({
    folder: parameters.pictures,
    wanted: (name) => name === nearest.name,
    count: 1,
    seed: 0,
  });
  const [file] = files;
  if (!file) throw refusal(`${nearest.name} is no longer in ${parameters.pictures}. Run again.`);
  const joint = jointOf(model);
  const embeddings = await joint.texts([text]);
  const weights = await weightsOf(model, joint);
  const [writer] = heads;
  const all = { firstLayer: result.firstLayer };
  const whole = await mapOf(model, file.path, [text], embeddings, all, weights);
  if (!writer) return mapSection(whole);
  const alone = await mapOf(model, file.path, [text], embeddings, { ...all, head: writer }, weights);
  const title = `“${text}” in ${nearest.name}`;
  const name = `L${writer.layer}H${writer.head}`;
  const texts = [...whole.texts, ...alone.texts.map((each) => ({ ...each, text: `${text}, ${name} alone` }))];
  return mapSection({ ...whole, texts }, { id: 'text', title, of: `the described heads, or ${name} alone` });
}
