export { Pages, type PageAsset, type PageFacts } from './pages.ts'
