import { classDefaults } from '../../config/class-defaults';
import type { CompositeFamily, CompositeReading } from '../shared/family';
import { amount, firstArchitecture } from '../shared/family';
import { visionOf, writePart } from './composite';
import { honoured, idle, repeats, type RunKeys } from '../shared/run-keys';
import { readStack } from '../stacks';

interface PairRow {
  readonly id: string;
  readonly title: string;
  readonly architectures: RegExp;
  readonly run?: RunKeys;
  /** Its text tower runs without the other tower. */
  readonly textAlone?: true;
  /** CLIP's projections and scale; SigLIP has a bias instead. */
  readonly projects: boolean;
  /** Classes of which every tensor is written down: all when absent, none by an empty list. */
  readonly known?: readonly string[];
}

const classifies = (className: string | undefined): boolean => className?.endsWith('ForImageClassification') === true;

const pairKeys = {
  ...honoured('text_config', 'vision_config'),
  // Files of transformers up to 4.27 hold the parts twice.
  ...repeats('text_config', 'text_config_dict'),
  ...repeats('vision_config', 'vision_config_dict'),
  ...idle('the stored projection says its own width', 'projection_dim'),
  ...idle('first values of weights that are stored', 'initializer_factor', 'initializer_range'),
  ...idle('first values of weights that are stored', 'logit_scale_init_value'),
  ...idle('texts and images have no language head', 'tie_word_embeddings'),
};

function contrastive(row: PairRow): CompositeFamily {
  return {
    kind: 'composite',
    id: row.id,
    title: row.title,
    modelTypes: [row.id],
    architectures: row.architectures,
    tied: true,
    task: 'base',
    ...(row.run === undefined ? {} : { run: row.run }),
    ...(row.textAlone ? { textAlone: true } : {}),
    read: (reader): CompositeReading => {
      for (const key of Object.keys(classDefaults(row.id)?.values ?? {})) reader.raw(key);
      const text = readStack(reader.childOrEmpty('text_config'), `${row.id}_text_model`);
      const vision = readStack(reader.childOrEmpty('vision_config'), `${row.id}_vision_model`);
      // Classes are of the picture alone.
      if (classifies(firstArchitecture(reader)))
        return { parts: [vision.part], exact: vision.family?.tensors !== undefined };
      return {
        parts: [text.part, vision.part],
        exact:
          text.family?.tensors !== undefined &&
          vision.family?.tensors !== undefined &&
          row.known?.includes(firstArchitecture(reader) ?? '') !== false,
      };
    },
    tensors: (model, table) => {
      const text = model.parts.find(({ role }) => role === 'encoder');
      const vision = visionOf(model);
      writePart(model, table, text, (name) => name);
      writePart(model, table, vision, (name) => name);
      if (vision !== undefined && classifies(model.architectures[0]))
        table.writer(vision).linear('head', 'classifier', vision.hiddenSize, model.task.labels, true);
      if (text === undefined || vision === undefined) return;
      const writer = table.writer(text);
      if (row.projects) {
        const width = amount(model, 'projection_dim') ?? 512;
        writer.linear('projector', 'text_projection', text.hiddenSize, width, false);
        writer.linear('projector', 'visual_projection', vision.hiddenSize, width, false);
        writer.add('other', 'logit_scale', []);
      } else {
        writer.add('other', 'logit_scale', [1]);
        writer.add('other', 'logit_bias', [1]);
      }
    },
  };
}

export const clip = contrastive({
  id: 'clip',
  title: 'CLIP',
  architectures: /^CLIPModel/,
  run: pairKeys,
  projects: true,
});
export const metaClip2 = contrastive({
  id: 'metaclip_2',
  title: 'MetaClip2',
  architectures: /^MetaClip2Model/,
  textAlone: true,
  projects: true,
});
/** A small decoder behind CLIP marks what a text names. */
export const clipSeg = contrastive({
  id: 'clipseg',
  title: 'CLIPSeg',
  architectures: /^CLIPSeg/,
  textAlone: true,
  projects: true,
  known: ['CLIPSegModel'],
});
/** Detectors that find what a text names. */
export const owlVit = contrastive({
  id: 'owlvit',
  title: 'OwlViT',
  architectures: /^OwlViT/,
  projects: true,
  known: [],
});
export const owlV2 = contrastive({
  id: 'owlv2',
  title: 'Owlv2',
  architectures: /^Owlv2/,
  projects: true,
  known: [],
});
export const siglip = contrastive({
  id: 'siglip',
  title: 'Siglip',
  architectures: /^Siglip(Model|ForImageClassification)/,
  run: pairKeys,
  projects: false,
});
/** Reads pictures in their own shape; models for pictures of one size have the older type. */
export const siglip2 = contrastive({
  id: 'siglip2',
  title: 'Siglip2',
  architectures: /^Siglip2(Model|ForImageClassification)/,
  textAlone: true,
  projects: false,
});

/** Sounds and texts in one space. How long recordings are fused is not written down here, so its tensors are not compared. */
export const clap: CompositeFamily = {
  kind: 'composite',
  id: 'clap',
  title: 'CLAP',
  modelTypes: ['clap'],
  architectures: /^ClapModel/,
  tied: true,
  task: 'base',
  textAlone: true,
  read: (reader): CompositeReading => {
    reader.raw('projection_dim');
    const text = readStack(reader.childOrEmpty('text_config'), 'clap_text_model');
    const audio = readStack(reader.childOrEmpty('audio_config'), 'clap_audio_model');
    return { parts: [text.part, audio.part], exact: false };
  },
};
