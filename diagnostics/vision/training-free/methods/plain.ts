/** The model as it is: what every other method is compared with. */
import type { Method } from './method';

export const plain: Method = {
  id: 'plain',
  title: 'Plain',
  source: 'the model as it is',
  parameters: {},
  settings: () => '',
  start: (model, { prompt, further }) => model.continuation({ sequence: prompt, further }),
};
