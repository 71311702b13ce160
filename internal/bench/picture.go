package bench

// The picture is grey and stands still, 640x360. What matters of it is that it is valid: servers that look into parameter
// sets, cut segments at key frames or decode take it like any other.
const (
	width, height       = 640, 360
	macroblocksAcross   = width / 16
	macroblocksDown     = (height + 15) / 16
	frameNumbers        = 16 // log2_max_frame_num_minus4 is 0
	naluSlice           = 0x41
	naluIDR             = 0x65
	naluSEI             = 6
	naluFiller          = 12
	seiUserUnregistered = 5
)

// bitWriter writes the syntax of H.264 (7.2, 9.1).
type bitWriter struct {
	bytes []byte
	used  int // bits in the last byte; 0 when it is full
}

func (w *bitWriter) u(value uint32, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.used == 0 {
			w.bytes = append(w.bytes, 0)
		}
		w.bytes[len(w.bytes)-1] |= byte(value>>i&1) << (7 - w.used)
		w.used = (w.used + 1) % 8
	}
}

// ue writes an Exp-Golomb code, and se of 0 is the same.
func (w *bitWriter) ue(value uint32) {
	n := 0
	for (value+1)>>(n+1) != 0 {
		n++
	}
	w.u(0, n)
	w.u(value+1, n+1)
}

// trailing ends a NAL unit (7.3.2.11).
func (w *bitWriter) trailing() []byte {
	w.u(1, 1)
	return w.bytes
}

// sps is a sequence parameter set of the constrained baseline profile, without reordering (7.3.2.1.1).
func sps() []byte {
	w := bitWriter{bytes: []byte{0x67, 66, 0xc0, 30}}
	w.ue(0)                     // seq_parameter_set_id
	w.ue(0)                     // log2_max_frame_num_minus4
	w.ue(2)                     // pic_order_cnt_type: as decoded
	w.ue(1)                     // max_num_ref_frames
	w.u(0, 1)                   // gaps_in_frame_num_value_allowed_flag
	w.ue(macroblocksAcross - 1) // pic_width_in_mbs_minus1
	w.ue(macroblocksDown - 1)   // pic_height_in_map_units_minus1
	w.u(1, 1)                   // frame_mbs_only_flag
	w.u(1, 1)                   // direct_8x8_inference_flag
	w.u(1, 1)                   // frame_cropping_flag
	w.ue(0)                     // left
	w.ue(0)                     // right
	w.ue(0)                     // top
	w.ue((macroblocksDown*16 - height) / 2)
	w.u(0, 1) // vui_parameters_present_flag
	return w.trailing()
}

// pps is a picture parameter set: CAVLC, one slice group, quantizer 26 (7.3.2.2).
func pps() []byte { return []byte{0x68, 0xce, 0x38, 0x80} }

// idrSlice is a key frame: every macroblock is predicted from its neighbours and has no residual (7.3.3, 7.3.5). Key frames
// that follow each other have different pictureID.
func idrSlice(pictureID uint32) []byte {
	w := bitWriter{bytes: []byte{naluIDR}}
	w.ue(0)   // first_mb_in_slice
	w.ue(7)   // slice_type I
	w.ue(0)   // pic_parameter_set_id
	w.u(0, 4) // frame_num
	w.ue(pictureID)
	w.u(0, 2) // no_output_of_prior_pics_flag, long_term_reference_flag
	w.ue(0)   // slice_qp_delta
	for range macroblocksAcross * macroblocksDown {
		w.ue(3)   // mb_type I_16x16_2_0_0: DC prediction
		w.ue(0)   // intra_chroma_pred_mode: DC
		w.ue(0)   // mb_qp_delta
		w.u(1, 1) // coeff_token: none
	}
	return w.trailing()
}

// interSlice is the frame before it once more: every macroblock is skipped.
func interSlice(frameNumber uint32) []byte {
	w := bitWriter{bytes: []byte{naluSlice}}
	w.ue(0) // first_mb_in_slice
	w.ue(5) // slice_type P
	w.ue(0) // pic_parameter_set_id
	w.u(frameNumber, 4)
	w.u(0, 3) // num_ref_idx_active_override_flag, ref_pic_list_modification_flag_l0, adaptive_ref_pic_marking_mode_flag
	w.ue(0)   // slice_qp_delta
	w.ue(macroblocksAcross * macroblocksDown)
	return w.trailing()
}
