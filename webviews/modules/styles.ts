import { css } from 'lit';

export const moduleResultStyles = css`
  .module-result {
    min-width: 0;
  }
  .module-result > h2 {
    margin: 0 0 4px;
    font-size: var(--vscode-font-size);
    overflow-wrap: anywhere;
  }
  .module-result > p {
    margin: 0 0 12px;
    overflow-wrap: anywhere;
  }
  .module-sections {
    display: grid;
    gap: 16px 24px;
    grid-template-columns: repeat(auto-fill, minmax(min(100%, 270px), 1fr));
    grid-auto-flow: dense;
    align-items: start;
  }
  .module-sections > [data-kind='table'],
  .module-sections > [data-kind='chart'] {
    grid-column: 1 / -1;
  }
`;
