import { pairFlops, tensorBytes } from '../../cost/attention';
import type { Cost } from '../../cost/cost';
import { computedPairs, segmentPairs } from '../../graph/chosen-blocks';
import type { AttentionShape } from '../../shape';
import type { LandmarkRule } from './rule';
import { tableRows } from './stingy-graph';
import { chooses, copiesBlocks, localColumns, longestBlock, opensBlocks, pastBlocks, tilesOf } from './tiles';

/**
 * Letters as in cost/attention.ts; P pairs of a query and an opened block, filled up to whole segments where blocks are not
 * copied for each pair, C copies of a block.
 * flops = b h ((local pairs + opened pairs) (2 d + 2 e + 5) + landmark scores (2 d + 5) + P log2 P + 3 P e), in mode train one
 * more for each opened pair instead of the sort and the sum.
 * bytes = 12 for each number of the keys and values that are copied (read, written, read by the product), local ones, landmarks
 * and blocks; 40 for a local score (product, mask, softmax, joined with the landmarks' and cut; 24 without landmarks), 24 for an
 * opened one, 32 for a landmark's; queries, outputs and, of every pair, query and output.
 */
export function landmarkCost(full: AttentionShape, rule: LandmarkRule): Cost {
  const shape = { ...full, queries: Math.min(full.queries, full.keys) };
  const { batch, heads, kvHeads, headDim: d, valueDim: e } = shape;
  const tiles = tilesOf(shape, rule);
  const blocks = pastBlocks(shape, rule);
  const width = longestBlock(shape, rule);
  const opens = opensBlocks(shape, rule);
  const choosing = chooses(shape, rule) && opens;
  const copying = choosing && copiesBlocks(shape, rule);
  let [localPairs, landmarkPairs, openedPairs, pairs, copied, landmarks, largest] = [0, 0, 0, 0, 0, 0, 0];
  for (const tile of tiles) {
    const { start, end, past, far, local } = tile;
    const rows = end - start;
    const columns = localColumns(tile);
    localPairs += rows * columns;
    copied += local.length;
    if (!opens) continue;
    landmarkPairs += rows * past;
    landmarks += past;
    if (choosing) {
      pairs += rows * Math.min(rule.open, far);
      openedPairs += rows * (past - far) * width;
      copied += (past - far) * width;
    } else {
      openedPairs += rows * past * width;
      // All blocks at once are read where they were laid out.
      copied += past * width * (past === blocks ? 1 / 3 : 1);
    }
    largest = Math.max(largest, rows * (columns + past + (choosing ? past - far : past) * width));
  }
  const computed = copying ? pairs : choosing ? computedPairs(pairs, blocks) : 0;
  openedPairs += computed * width;
  // Blocks are laid out without their landmarks once, unless each pair copies its own from where it lies.
  const laidOut = opens && !copying ? batch * kvHeads * blocks * width * (d + e) : 0;
  const copies = batch * heads * (copying ? pairs : computed / segmentPairs) * width * (d + e);
  const perHead = batch * heads;
  const rowsOfPairs = perHead * computed * (d + e);
  // Turned: queries, keys near them and landmarks of a tile, and of each pair the query twice, beside it its landmark.
  const turned = rule.rotaryBase && choosing ? 1 : 0;
  const tables = turned * tiles.length * 24 * tableRows(shape, rule) * d;
  const turnedRows = batch * kvHeads * (copied + landmarks) * d + 9 * perHead * pairs * d;
  return {
    flops:
      pairFlops(shape, localPairs + openedPairs) +
      perHead *
        (landmarkPairs * (2 * d + 5) + (choosing ? pairs * Math.log2(pairs + 1) + 3 * pairs * e : openedPairs)) +
      turned * 3 * turnedRows,
    bytes:
      12 * (batch * kvHeads * (copied * (d + e) + landmarks * d) + copies + rowsOfPairs) +
      8 * laidOut +
      perHead * ((opens ? 40 : 24) * localPairs + 32 * landmarkPairs + 24 * openedPairs) +
      24 * perHead * shape.queries * (d + e) +
      turned * (8 * turnedRows + tables),
    peakBytes:
      tensorBytes(full) +
      4 * (laidOut + 2 * rowsOfPairs + copies) +
      8 * perHead * (largest + openedPairs * (choosing ? 1 : 0)),
  };
}
