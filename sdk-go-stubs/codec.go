// How requests and responses become bytes: protobuf's own code, but for the streams of alerts.

package cadge

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // Registers the codec that this one is built on.
	"google.golang.org/grpc/mem"
)

// codec decodes batches of alerts itself.
type codec struct {
	encoding.CodecV2
}

func newCodec() codec { return codec{encoding.GetCodecV2("proto")} }

// Unmarshal decodes one response. A batch keeps what is wrong with it: gRPC would make a text of it.
func (c codec) Unmarshal(data mem.BufferSlice, into any) error {
	b, ok := into.(*batch)
	if !ok {
		if err := c.CodecV2.Unmarshal(data, into); err != nil {
			return fmt.Errorf("%s: %w", undecodable, err)
		}
		return nil
	}
	whole := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer whole.Free()
	if b.single {
		b.fault = b.alert(whole.ReadOnlyData())
	} else {
		b.fault = b.decode(whole.ReadOnlyData())
	}
	return nil
}

// undecodable marks an answer that protobuf can't decode, in the text that gRPC passes on.
const undecodable = "undecodable answer"
