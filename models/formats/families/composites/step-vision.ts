import type { CompositeFamily } from '../shared/family';
import { readStack } from '../stacks';

/** Step 3.7: the text model of Step 3.5 and a tower whose tensors are not settled here; some files give the text fields flat. */
export const step3p7: CompositeFamily = {
  kind: 'composite',
  id: 'step3p7',
  title: 'Step 3.7',
  modelTypes: ['step3p7'],
  architectures: /^Step3p7/,
  tied: false,
  task: 'causal-lm',
  read: (reader) => {
    const text = reader.child('text_config');
    const vision = reader.child('vision_config');
    return {
      parts: [
        readStack(text ?? reader, 'step3p5', text === undefined).part,
        ...(vision === undefined ? [] : [readStack(vision).part]),
      ],
      exact: false,
    };
  },
};
