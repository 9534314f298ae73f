/** The list of the slowest at the end of a tier: waiting and computing told apart, what is quick left out. */
import assert from 'node:assert/strict';
import { computingSeconds, Ledger, slowestLines } from '../../support/slowest';

describe('the slowest files and tests', () => {
  it('are listed by the clock, what is spent under one name added up, what took no second left out', () => {
    const ledger = new Ledger();
    ledger.add({ name: 'waits', seconds: 20, computing: 0.5 });
    ledger.add({ name: 'works', seconds: 4, computing: 3.5 });
    ledger.add({ name: 'works', seconds: 30, computing: 29 });
    ledger.add({ name: 'is quick', seconds: 0.2, computing: 0.2 });
    assert.deepEqual(slowestLines('slowest files', ledger.slowest(10)), [
      '  slowest files (seconds, of which computing)',
      '   34.0    32.5  works',
      '   20.0     0.5  waits',
    ]);
    assert.deepEqual(
      ledger.slowest(1).map(({ name }) => name),
      ['works'],
    );
    assert.deepEqual(slowestLines('slowest files', []), []);
  });

  it('say how much was computed: work counts, waiting does not', () => {
    const ledger = new Ledger();
    const stop = ledger.start('work');
    const before = computingSeconds();
    while (computingSeconds() - before < 0.05) Math.sqrt(before);
    stop();
    const [spent] = ledger.slowest(1);
    assert.ok(spent && spent.computing >= 0.05 && spent.seconds > 0, JSON.stringify(spent));
  });
});
