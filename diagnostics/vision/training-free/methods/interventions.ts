/** What the person who runs the comparison changes, as one more method of it. */
import { kindOf, type Intervention } from '../../../../protocol/interventions/interventions';
import { startUnder, type Method } from './method';

export const ownInterventions = (interventions: readonly Intervention[]): Method => ({
  id: 'own',
  title: 'Own interventions',
  source: 'the interventions of the run',
  parameters: {},
  settings: () => interventions.map((one) => kindOf(one).words(one)).join('; '),
  start: (model, picture) => startUnder(model, picture, interventions),
});
